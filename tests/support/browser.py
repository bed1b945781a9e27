"""A real Chromium that looks at the live page, and what it sees there."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from numpy.typing import NDArray
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from vision.web.colours import colour_of

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# No sandbox: tests may run as root. The rest keeps it from talking to anybody but us.
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# A busy machine takes its time; a failure is all that this delays.
_PATIENCE_MS = 60_000
DESKTOP = (1280, 800)
PHONE = (390, 844)
# A camera's picture and its message as the page holds them, and the canvas that is shown.
_READ_TILE = """
(name) => {
  const tiles = [...document.querySelectorAll(".tile")].map((element) => element.tile);
  const camera = tiles.find(({ camera }) => camera.name === name)?.camera;
  if (!camera?.picture) return null;
  const { bitmap, message } = camera.picture;
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  const shown = tiles.find(({ camera }) => camera.name === name).element.querySelector("canvas");
  return { message, picture: canvas.toDataURL("image/png"), shown: shown.toDataURL("image/png") };
}
"""
Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TileState:
    """A tile at one instant.

    Attributes:
        message: The message that its boxes are drawn from.
        picture: The picture as it came, BGR.
        shown: What is on the screen, boxes and all, BGR.
    """

    message: dict[str, Any]
    picture: Picture
    shown: Picture

    def drawn(self, label: str) -> int:
        """How many pixels on the screen have the colour of a label."""
        red, green, blue = colour_of(label)
        away = np.abs(self.shown.astype(int) - (blue, green, red)).max(axis=2)
        return int((away <= 2).sum())


@dataclass(slots=True)
class Screen:
    """A page in a window of its own, and what went wrong in it."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def look(self, camera: str) -> TileState | None:
        """What is seen of a camera, None before its first picture."""
        found = self.page.evaluate(_READ_TILE, camera)
        if found is None:
            return None
        return TileState(found["message"], _decoded(found["picture"]), _decoded(found["shown"]))

    def order(self) -> list[str]:
        """The cameras' names from first to last."""
        return self.page.locator(".tile h2").all_inner_texts()

    def state(self, camera: str) -> str:
        """The word on a camera's badge."""
        tile = self.page.locator(".tile", has=self.page.get_by_role("heading", name=camera))
        return tile.locator(".pill").inner_text()

    def barriers(self) -> list[str]:
        """What axe finds that keeps people out."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{rule['id']}: {node['html']} {node['failureSummary']}"
            for rule in found
            for node in rule["nodes"]
        ]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of this machine; the test is skipped where there is none."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium: on Debian and Ubuntu, apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Browser,
    url: str,
    size: tuple[int, int] = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    scale: float = 1,
) -> Iterator[Screen]:
    """The page in a new window without history; fails where the browser complains."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        device_scale_factor=scale,
        is_mobile=size == PHONE,
    )
    context.set_default_timeout(_PATIENCE_MS)
    expect.set_options(timeout=_PATIENCE_MS)
    try:
        page = context.new_page()
        screen = Screen(page)
        page.on("pageerror", lambda error: screen.complaints.append(str(error)))
        page.on(
            "console", lambda said: screen.complaints.append(said.text) if _matters(said) else None
        )
        page.goto(url)
        yield screen
        assert screen.complaints == []
    finally:
        context.close()


def _matters(said: ConsoleMessage) -> bool:
    """Whether it is a fault of the page; a node that is gone, or busy, is none."""
    is_away = "net::ERR_" in said.text or "/frames/" in said.location["url"]
    return said.type == "error" and not is_away


def _decoded(url: str) -> Picture:
    data = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, np.uint8)
