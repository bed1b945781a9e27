"""The page in a real browser, with cameras in every state and names that mean harm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import PHONE, Screen, chromium, opened
from tests.support.web import Node, camera_view, serving
from vision.domain.status import CameraState

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

_BLIND = {state for state in CameraState if not state.delivers} - {
    CameraState.STARTING,
    CameraState.STOPPED,
    CameraState.DISABLED,
    CameraState.REMOVED,
}
_HOSTILE = '<img src=x onerror="document.title=1">'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as browser:
        yield browser


def all_states() -> Node:
    """A node with a camera in each state, the ones that see first."""
    views = [
        replace(camera_view(f"camera-{state}", state), reason=f"why it is {state}")
        for state in CameraState
    ]
    return Node(views=sorted(views, key=lambda view: not view.state.delivers))


def waiting_for_cameras(screen: Screen, count: int) -> None:
    """Until so many tiles are there."""
    expect(screen.page.locator(".tile")).to_have_count(count)


def test_every_state_has_a_badge_and_what_is_blind_comes_first(browser: Browser) -> None:
    """Words instead of codes, the reason in sight, and those that see nothing at the front."""
    node = all_states()
    with serving(node) as server, opened(browser, server.url) as screen:
        waiting_for_cameras(screen, len(CameraState))
        names = screen.order()
        assert {name.removeprefix("camera-") for name in names[: len(_BLIND)]} == _BLIND
        assert names[-4] == "camera-online"
        assert {*names[-3:]} == {"camera-stopped", "camera-disabled", "camera-removed"}
        for state in CameraState:
            assert screen.state(f"camera-{state}") not in {"", state.value}
            tile = screen.page.locator(".tile", has_text=f"camera-{state}").first
            if state is not CameraState.ONLINE:
                expect(tile.get_by_text(f"Why it is {state}").first).to_be_visible()
            assert tile.locator(".since").get_attribute("title")


@pytest.mark.parametrize("size", [(1280, 800), PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_state_keeps_anybody_out(browser: Browser, size: tuple[int, int], scheme: str) -> None:
    """Axe finds nothing in any state, on any screen: each tone has contrast enough."""
    dark = scheme == "dark"
    with (
        serving(all_states()) as server,
        opened(browser, server.url, size, "dark" if dark else "light") as screen,
    ):
        waiting_for_cameras(screen, len(CameraState))
        assert screen.barriers() == []
        assert screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_names_and_reasons_are_text(browser: Browser) -> None:
    """Markup in a label, a reason or a model's name is shown as it is and does nothing."""
    view = replace(
        camera_view("front", CameraState.AUTH_FAILED), reason=_HOSTILE, labels={_HOSTILE: 3}
    )
    node = Node(views=[view])
    node.health = replace(node.health, ready=False, reasons=(_HOSTILE,), model=_HOSTILE)
    with serving(node) as server, opened(browser, server.url) as screen:
        waiting_for_cameras(screen, 1)
        screen.page.get_by_role("button", name="Enlarge front").click()
        assert screen.page.get_by_text(_HOSTILE).count() >= 4
        assert screen.page.locator("img").count() == 1
        assert screen.page.title() == "Ariia Vision"


def test_a_node_that_goes_away_is_told_and_found_again(browser: Browser) -> None:
    """The page never looks live without a node, and goes on by itself when it is back."""
    with ExitStack() as browsing:
        with serving(Node()) as server:
            screen = browsing.enter_context(opened(browser, server.url))
            waiting_for_cameras(screen, 1)
            assert screen.state("front") == "Online"
        expect(screen.page.locator("#lost")).to_be_visible()
        assert screen.state("front") == "No contact"
        assert screen.barriers() == []
        with serving(Node(), port=server.port):
            expect(screen.page.locator("#lost")).to_be_hidden()
            assert screen.state("front") == "Online"
