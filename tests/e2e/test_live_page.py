"""The live page of a running node, as a person with a browser sees it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import cv2
import pytest
from playwright.sync_api import Browser, expect

from simulator import Clip, Credentials, Server
from simulator.pan import pulled_pan
from tests.support.browser import PHONE, Screen, TileState, chromium, opened
from tests.support.node import CameraCredentials, running_node
from tests.support.redis_server import running_redis
from tests.support.site import need_model
from tests.support.waiting import wait_until
from vision.domain.errors import ArtefactError
from vision.models.progress import NoProgress

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

_SECRET = CameraCredentials()
_CAMERAS = {"front": "bus", "yard": "zidane"}
# Enough to be a movement, and more than a box trembles.
_MOVED_PX = 25
_TREMBLE = 0.06


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def cameras() -> Iterator[Server]:
    """Two cameras that pan over people."""
    need_model()
    try:
        clips = {
            name: Clip.load(pulled_pan(photograph, NoProgress()))
            for name, photograph in _CAMERAS.items()
        }
    except ArtefactError as error:
        pytest.skip(f"no clip: {error}")
    credentials = Credentials(_SECRET.username, _SECRET.password, "digest")
    with Server(clips, credentials=credentials) as server:
        yield server


@pytest.fixture(scope="module")
def url(cameras: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page of a node that watches both."""
    folder = tmp_path_factory.mktemp("node")
    with running_redis(folder / "redis") as redis:
        settings: dict[str, Any] = {
            "redis": {"url": redis.settings().url},
            "web": {"port": 0},
            "model": {"confidence": 0.35},
            "cameras": {name: {"url": cameras.url(name), "fps": 5} for name in _CAMERAS},
        }
        secrets = {"redis_password": redis.password}
        for name in _CAMERAS:
            secrets[f"camera_{name}_username"] = _SECRET.username
            secrets[f"camera_{name}_password"] = _SECRET.password
        with running_node(folder, settings, **secrets) as node:
            node.wait_for_log("node.started")
            found = re.search(r"node\.started\D+\d+ page=(http://\S+?/)", node.log)
            assert found, node.log
            yield found[1]


@pytest.fixture
def screen(browser: Browser, url: str) -> Iterator[Screen]:
    """The page in a window, both cameras with people in sight."""
    with opened(browser, url) as screen:
        for name in _CAMERAS:
            people_in_sight(screen, name)
        yield screen


def people_in_sight(screen: Screen, camera: str) -> TileState:
    """The next look at a camera in which a person was seen and is framed."""
    looks: list[TileState] = []

    def is_found() -> bool:
        look = screen.look(camera)
        if look is None or not look.message["detections"] or not look.drawn("person"):
            return False
        looks.append(look)
        return True

    wait_until(is_found, f"a person on {camera}", 120)
    return looks[-1]


def surest_box(look: TileState) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the surest detection, in pixels of the picture."""
    height, width = look.picture.shape[:2]
    left, top, right, bottom = look.message["detections"][0]["box"]
    return round(left * width), round(top * height), round(right * width), round(bottom * height)


def moves_with_the_person(before: TileState, after: TileState) -> bool:
    """Whether a box has moved, and to where the very piece of picture in it has moved."""
    left, top, right, bottom = surest_box(before)
    found = cv2.matchTemplate(
        after.picture, before.picture[top:bottom, left:right], cv2.TM_CCOEFF_NORMED
    )
    _, likeness, _, (x, y) = cv2.minMaxLoc(found)
    height, width = after.picture.shape[:2]
    if likeness < 0.9 or max(abs(x - left), abs(y - top)) < _MOVED_PX:
        return False
    expected = (x, y, x + right - left, y + bottom - top)
    limits = (_TREMBLE * width, _TREMBLE * height) * 2
    boxes = [
        [share * side for share, side in zip(seen["box"], (width, height) * 2, strict=True)]
        for seen in after.message["detections"]
    ]
    return any(
        all(abs(at - edge) <= limit for at, edge, limit in zip(box, expected, limits, strict=True))
        for box in boxes
    )


@pytest.mark.parametrize("camera", _CAMERAS)
def test_boxes_move_with_the_people(screen: Screen, camera: str) -> None:
    """The camera pans, the people travel through the picture, and their boxes travel along."""
    looks = [people_in_sight(screen, camera)]

    def is_seen() -> bool:
        look = people_in_sight(screen, camera)
        if look.message["id"] != looks[-1].message["id"]:
            looks.append(look)
        return any(moves_with_the_person(before, looks[-1]) for before in looks[-12:-1])

    wait_until(is_seen, f"a box that moves with a person on {camera}", 120)
    times = [look.message["time"]["captured"] for look in looks]
    assert all(earlier < later for earlier, later in itertools.pairwise(times))


def test_a_stall_is_seen_first_and_told(screen: Screen, cameras: Server) -> None:
    """The blind camera moves to the front, says so, hides its picture, and comes back."""
    page, faults = screen.page, cameras.cameras["yard"].faults
    assert screen.order() == ["front", "yard"]
    faults.stall = True
    try:
        wait_until(lambda: screen.state("yard") == "Stalled", "the stall on the page")
        assert screen.order() == ["yard", "front"]
        expect(page.locator(".tile").first.locator(".cover-title")).to_have_text(
            "The camera sends no frames"
        )
        expect(page.locator("#announcer")).to_contain_text("yard: Stalled")
        expect(page.locator("#node-state")).to_have_text("Not ready")
        assert screen.barriers() == []
    finally:
        faults.stall = False
    wait_until(lambda: screen.state("yard") == "Online", "the end of the stall on the page")
    assert screen.order() == ["front", "yard"]
    expect(page.locator("#node-state")).to_have_text("Ready")


def test_enlarging_by_mouse_and_by_keyboard(screen: Screen) -> None:
    """A click enlarges, arrows go from camera to camera, Escape gives the focus back."""
    page = screen.page
    page.get_by_role("button", name="Enlarge front").click()
    dialog = page.get_by_role("dialog", name="front")
    expect(dialog).to_be_visible()
    expect(dialog.locator("#large-seen li").first).to_contain_text("person")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog", name="yard")).to_be_visible()
    assert page.url.endswith("#yard")
    assert screen.barriers() == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    button = page.get_by_role("button", name="Enlarge yard")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="yard")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(button).to_be_focused()


def test_filters_decide_what_is_drawn(screen: Screen) -> None:
    """A label that is switched off, or a confidence that nothing has, leaves the picture bare."""
    page = screen.page

    def drawn() -> int:
        look = screen.look("yard")
        return look.drawn("person") if look else 0

    switch = page.get_by_role("group", name="Labels to draw").get_by_role("button", name="person")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    wait_until(lambda: drawn() == 0, "a picture without boxes")
    switch.click()
    wait_until(lambda: drawn() > 0, "the boxes again")
    slider = page.get_by_role("slider", name="Confidence from")
    slider.press("End")
    expect(page.locator("#filter-confidence-text")).to_have_text("95 %")
    wait_until(lambda: drawn() == 0, "a picture without guesses")
    slider.press("Home")
    wait_until(lambda: drawn() > 0, "the boxes again")


def test_latency_is_drawn(screen: Screen) -> None:
    """The line of the last minute grows with the messages, and says what it shows."""
    spark = screen.page.locator(".tile").first.locator(".spark svg")
    expect(spark).to_have_attribute(
        "aria-label", re.compile(r"Latency of the last minute: median \d+ ms, at most \d+ ms")
    )
    wait_until(lambda: (spark.locator("path").get_attribute("d") or "").count("L") >= 5, "a line")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), PHONE], ids=["desktop", "phone"])
def test_nobody_is_kept_out(browser: Browser, url: str, size: tuple[int, int], scheme: Any) -> None:
    """Axe finds nothing, and nothing has to be scrolled sideways."""
    with opened(browser, url, size, scheme) as screen:
        people_in_sight(screen, "front")
        assert screen.barriers() == []
        page = screen.page
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Enlarge front").click()
        expect(page.get_by_role("dialog", name="front")).to_be_visible()
        assert screen.barriers() == []
