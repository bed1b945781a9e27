"""Events, tracks, zones and their editor on the page, in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from playwright.sync_api import Browser, Locator, expect

from tests.support.browser import DESKTOP, PHONE, Screen, chromium, opened
from tests.support.event_messages import event
from tests.support.waiting import wait_until
from tests.support.web import Node, camera_view, inferring, serving
from vision.config.loader import settings_from
from vision.domain.event import (
    EndReason,
    EventCrossing,
    EventGap,
    EventMessage,
    EventType,
    EventZones,
)
from vision.domain.message import utc_text
from vision.domain.status import CameraState
from vision.publishing.encoding import encode
from vision.web.colours import colour_of
from vision.web.event_routes import CameraShapes, EventPages

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

_HOSTILE = '<img src=x onerror="document.title=1">'
_DOOR = ((0.1, 0.2), (0.4, 0.2), (0.4, 0.9), (0.1, 0.9))
_SHAPES = {"front": CameraShapes({"door": _DOOR}, {"gate": ((0.6, 0.9), (0.9, 0.5))})}
_PATH = tuple((0.5 + 0.02 * step, 0.95 - 0.01 * step) for step in range(20))
_PICTURE = cv2.imencode(".jpg", np.full((384, 640, 3), 120, np.uint8))[1].tobytes()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as browser:
        yield browser


def told(number: int, age_s: float, *, is_over: bool = False, **changes: Any) -> EventMessage:
    """A message of an event that began so long ago and was seen just now."""
    now_ns = time.time_ns()
    seen = utc_text(now_ns)
    message = event(
        number=number,
        kind=EventType.END if is_over else EventType.NEW,
        end=EndReason.LEFT if is_over else None,
    )
    times = replace(
        message.time,
        started=utc_text(now_ns - int(age_s * 1e9)),
        seen=seen,
        ended=seen if is_over else None,
        published=seen,
    )
    return replace(message, time=times, duration_s=age_s, path=_PATH, **changes)


def tell(node: Node, *messages: EventMessage) -> None:
    """Have the feed hand them on."""
    for message in messages:
        node.feed.on_event(message, encode(message))


@contextmanager
def watching(
    browser: Browser, node: Node, size: tuple[int, int] = DESKTOP, scheme: Any = "light"
) -> Iterator[Screen]:
    """The page of a node that infers, with its first picture."""
    with (
        serving(node) as server,
        # Few a second: the five that are kept are there for long, also for a busy machine.
        inferring(node, interval_s=0.5),
        opened(browser, server.url, size, scheme) as screen,
    ):
        wait_until(lambda: screen.look("front") is not None, "a picture")
        yield screen


def items(screen: Screen) -> Locator:
    """The events of the list."""
    return screen.page.get_by_role("list", name="Events, the newest first").get_by_role("listitem")


def drawn(screen: Screen, colour: tuple[int, int, int]) -> int:
    """How many pixels of the tile have a colour."""
    look = screen.look("front")
    assert look
    away = np.abs(look.shown.astype(int) - colour[::-1]).max(axis=2)
    return int((away <= 2).sum())


def test_events_are_listed_with_all_that_is_known(browser: Browser) -> None:
    """The newest first, also those from before the page; what was not looked at is said."""
    node = Node()
    gap = EventGap("2025-11-23T11:40:01.000Z", "2025-11-23T11:40:02.500Z", "skipped", 12)
    zones = EventZones((), ("drive", "door"), {"drive": 4.1, "door": 61.0})
    crossing = EventCrossing("gate", "in", "2025-11-23T11:40:02.000Z")
    tell(
        node,
        told(1, 90, is_over=True, label="car", gaps=(gap,), zones=zones, lines=(crossing,)),
    )
    with watching(browser, node) as screen:
        expect(items(screen)).to_have_count(1)
        tell(node, told(2, 5))
        expect(items(screen)).to_have_count(2)
        first, second = items(screen).all()
        expect(first).to_contain_text("person #2")
        expect(first).to_contain_text("In sight")
        expect(second).to_contain_text("car #1")
        for text in (
            "Left",
            "drive 4.1 s · door 61 s · gate in",
            "Not looked at for 1.5 s: frames were skipped",
        ):
            expect(second).to_contain_text(text)
        tell(node, replace(told(2, 6, is_over=True), revision=1))
        expect(first).to_contain_text("Left")
        first.get_by_role("button", name="front").click()
        dialog = screen.page.get_by_role("dialog", name="front")
        expect(dialog.get_by_role("list", name="Events on this camera")).to_contain_text("car #1")


def test_a_clock_that_was_put_back_hides_no_event(browser: Browser) -> None:
    """What is dated an hour ahead makes way for what comes now, and is not in sight for an hour."""
    node = Node()
    before = [told(number, -3600 - number, is_over=number > 1) for number in range(1, 61)]
    ahead = utc_text(time.time_ns() + 3_600_000_000_000)
    tell(
        node,
        *(replace(one, time=replace(one.time, published=ahead, seen=ahead)) for one in before),
    )
    with watching(browser, node) as screen:
        wait_until(lambda: items(screen).count() > 1, "the events from before")
        tell(node, told(99, 5))
        expect(items(screen).first).to_contain_text("person #99")
        expect(items(screen).first).to_contain_text("In sight")


def test_a_better_picture_takes_the_place_of_the_first(browser: Browser) -> None:
    """A thumbnail is a link to the whole picture; one that is gone leaves no broken image."""
    asked: list[str] = []

    def snapshot(camera: str, event_id: str) -> bytes | None:
        asked.append(f"{camera}/{event_id}")
        return _PICTURE

    node = Node(events=EventPages(snapshot=snapshot))
    message = told(1, 5)
    with watching(browser, node) as screen:
        tell(node, message)
        expect(items(screen)).to_have_count(1)
        assert screen.page.locator("#event-list img").count() == 0
        for revision, frame in ((1, "front:1-1"), (2, "front:1-1"), (3, "front:1-2")):
            best = replace(message.best, detection=frame, snapshot=f"front/{message.id}.jpg")
            tell(node, replace(message, revision=revision, best=best))
        image = screen.page.locator("#event-list a.thumb img")
        expect(image).to_have_attribute("alt", re.compile(r"person on front at .*, enlarge"))
        wait_until(lambda: image.evaluate("image => image.naturalWidth") == 640, "the picture")
        # Enlarged to the object, which fills a small part of the picture.
        expect(image).to_have_attribute("style", re.compile(r"width: [2-9]\d\d"))
        assert set(asked) == {f"front/{message.id}"}
        assert "front%3A1-2" in (
            screen.page.locator("#event-list a.thumb").get_attribute("href") or ""
        )


def test_tracks_and_zones_lie_over_the_picture(browser: Browser) -> None:
    """The path of what is in sight in its label's colour, zones in white; each can be left out."""
    node = Node(events=EventPages(lambda: _SHAPES))
    with watching(browser, node) as screen:
        tell(node, told(1, 5), told(2, 8, is_over=True, label="dog"))
        person, white = colour_of("person"), (0xE2, 0xE8, 0xF0)
        wait_until(lambda: drawn(screen, person) > 100, "the track")
        assert drawn(screen, white) > 300
        assert drawn(screen, colour_of("dog")) == 0
        switches = screen.page.get_by_role("group", name="Over the pictures")
        switches.get_by_role("button", name="Tracks").click()
        wait_until(lambda: drawn(screen, person) == 0, "no track")
        switches.get_by_role("button", name="Zones").press("Enter")
        wait_until(lambda: drawn(screen, white) < 100, "no zone")
        switches.get_by_role("button", name="Tracks").click()
        wait_until(lambda: drawn(screen, person) > 100, "the track again")


@pytest.mark.parametrize("how", ["mouse", "keys", "typing"])
def test_a_drawn_zone_is_a_valid_configuration(browser: Browser, how: str) -> None:
    """With the mouse, the arrow keys or by typing: what the editor says can be pasted."""
    with watching(browser, Node(events=EventPages(lambda: _SHAPES))) as screen:
        page = screen.page
        page.get_by_role("button", name="Enlarge front").click()
        page.get_by_role("button", name="Draw zones").click()
        editor = page.get_by_role("dialog", name="Zones of front")
        expect(editor).to_contain_text("It needs a name")
        editor.get_by_label("Name").fill("drive")
        expect(editor).to_contain_text("3 more points needed")
        canvas = editor.get_by_role("application", name="Picture of the camera")
        if how == "mouse":
            box = canvas.bounding_box()
            assert box
            for right, down in ((0.2, 0.3), (0.8, 0.3), (0.8, 0.8)):
                canvas.click(position={"x": right * box["width"], "y": down * box["height"]})
        elif how == "keys":
            canvas.focus()
            for keys in ("Shift+ArrowLeft Enter", "Shift+ArrowUp Enter", "ArrowRight Enter Enter"):
                for key in keys.split():
                    page.keyboard.press(key)
            page.keyboard.press("Backspace")
        else:
            for number, (x, y) in enumerate((("0.1", "0.2"), ("0.9", "0.95"), ("0.1", "0.95")), 1):
                editor.get_by_role("button", name="Add a point").click()
                editor.get_by_label(f"x of point {number}").fill(x)
                editor.get_by_label(f"y of point {number}").fill(y)
            expect(editor).to_contain_text("Objects of this picture that stand in it: 1 of 1.")
        expect(editor.get_by_role("spinbutton")).to_have_count(6)
        assert screen.barriers() == []
        values = yaml.safe_load(page.locator("#editor-yaml").inner_text())
        points = values["cameras"]["front"]["events"]["zones"]["drive"]
        values["cameras"]["front"]["url"] = "rtsp://192.0.2.20/stream"
        found = settings_from(values, "the editor", {}).cameras["front"].events.zones["drive"]
        assert [list(point) for point in found] == points
        if how == "typing":
            assert points == [[0.1, 0.2], [0.9, 0.95], [0.1, 0.95]]
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Draw zones")).to_be_focused()


def test_a_zone_that_is_there_can_be_changed(browser: Browser) -> None:
    """The editor starts from it, and drags its points; a line has two."""
    with watching(browser, Node(events=EventPages(lambda: _SHAPES))) as screen:
        page = screen.page
        page.get_by_role("button", name="Enlarge front").click()
        expect(page.locator("#large-zones")).to_have_text("door, gate")
        page.get_by_role("button", name="Draw zones").click()
        editor = page.get_by_role("dialog", name="Zones of front")
        editor.get_by_label("Start from").select_option("Zone door")
        canvas = page.locator("#editor-canvas")
        x, y = canvas.evaluate(_PLACE, list(_DOOR[0]))
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(*canvas.evaluate(_PLACE, [0.25, 0.3]))
        page.mouse.up()
        expect(page.locator("#editor-yaml")).to_contain_text('"door": [[0.25, 0.3')
        assert editor.get_by_role("spinbutton").count() == 2 * len(_DOOR)
        editor.get_by_label("Start from").select_option("Line gate")
        expect(page.locator("#editor-yaml")).to_contain_text("lines:")
        page.mouse.click(*canvas.evaluate(_PLACE, [0.5, 0.5]))
        expect(page.locator("#editor-yaml")).to_contain_text('"gate": [[0.6, 0.9], [0.5, 0.5')
        expect(editor).to_contain_text("The arrow points to where")
        editor.get_by_role("button", name="Copy").click()
        expect(page.locator("#editor-status")).to_have_text("Copied.")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_events_keep_nobody_out(browser: Browser, size: tuple[int, int], scheme: str) -> None:
    """Axe finds nothing, nothing has to be scrolled sideways, and what came over Redis is text."""
    node = Node(events=EventPages(lambda: _SHAPES, lambda _camera, _event: _PICTURE))
    hostile = told(3, 5, label=_HOSTILE, gaps=(EventGap("", "", _HOSTILE, 0),))
    best = replace(told(1, 5).best, snapshot="front/x.jpg")
    tell(node, told(1, 5, best=best), told(2, 9, is_over=True), hostile)
    with watching(browser, node, size, scheme) as screen:
        expect(items(screen)).to_have_count(3)
        expect(screen.page.locator("#event-list img")).to_be_visible()
        assert screen.page.get_by_text(_HOSTILE).count() >= 1
        assert screen.page.title() == "Ariia Vision"
        assert screen.barriers() == []
        assert screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        screen.page.get_by_role("button", name="Enlarge front").click()
        assert screen.barriers() == []


@pytest.mark.parametrize("state", [CameraState.STOPPED, CameraState.DISABLED])
def test_a_camera_that_is_off_can_be_put_aside(browser: Browser, state: CameraState) -> None:
    """It comes last; hidden, it stays so until it works again or somebody asks."""
    node = Node(views=[camera_view("old", state), camera_view("front")])
    with serving(node) as server, opened(browser, server.url) as screen:
        expect(screen.page.locator(".tile")).to_have_count(2)
        assert screen.order() == ["front", "old"]
        screen.page.get_by_role("button", name="Hide old").click()
        expect(screen.page.locator("#hidden-cameras")).to_contain_text("1 camera is hidden")
        assert screen.order() == ["front"]
        assert screen.barriers() == []
        screen.page.get_by_role("button", name="Show").click()
        expect(screen.page.locator(".tile")).to_have_count(2)
        screen.page.get_by_role("button", name="Hide old").click()
        node.views = [camera_view("old"), camera_view("front")]
        expect(screen.page.locator(".tile")).to_have_count(2)


# Where a point of the picture, given in shares, is on the screen: the picture is centred.
_PLACE = """
(canvas, [x, y]) => {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const scale = Math.min(width / 1280, height / 768);
  return [
    left + (width - 1280 * scale) / 2 + x * 1280 * scale,
    top + (height - 768 * scale) / 2 + y * 768 * scale,
  ];
}
"""
