"""The feed costs nothing unwatched, stays bounded watched, and never serves old news first."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
import pytest

from tests.support.web import RUN, frame, message, status
from vision.web.feed import LiveFeed

_MS = 1_000_000
_SECOND = 1_000_000_000


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        """Nanoseconds now."""
        return self.ns


def _run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


def _offer(feed: LiveFeed, camera: str = "front", seq: int = 1) -> None:
    picture = frame(camera, seq)
    feed.on_inferred(picture, message(picture))


def _kept(feed: LiveFeed, camera: str, seqs: range) -> list[int]:
    return [seq for seq in seqs if feed.picture(camera, f"{RUN}-{seq}") is not None]


def test_unwatched_feed_does_nothing() -> None:
    """Without a viewer a frame is neither timed nor copied, and nothing is kept."""

    def clock() -> int:
        pytest.fail("the clock was read")

    feed = LiveFeed(clock)
    _offer(feed)
    feed.on_status(status())
    assert feed.picture("front", f"{RUN}-1") is None
    assert feed.viewers == 0


def test_picture_is_a_copy() -> None:
    """What is kept stays as it was when the pipeline reuses the frame's memory."""

    async def scenario() -> None:
        feed = LiveFeed()
        with feed.watch():
            picture = frame(shade=90)
            feed.on_inferred(picture, message(picture))
            as_inferred = picture.image.copy()
            picture.image[:] = 0
            kept = feed.picture("front", f"{RUN}-1")
            assert kept is not None
            assert kept.image is not None
            assert bool((kept.image == as_inferred).all())
            assert kept.payload == message(frame(shade=90))

    _run(scenario)


def test_at_most_five_pictures_a_second() -> None:
    """Of 30 frames a second, five a second are kept."""

    async def scenario() -> None:
        clock = Clock()
        feed = LiveFeed(clock)
        kept = 0
        with feed.watch() as viewer:
            for seq in range(1, 301):
                clock.ns = seq * _SECOND // 30
                _offer(feed, seq=seq)
                kept += len(viewer.take())
        assert 45 <= kept <= 51

    _run(scenario)


def test_camera_at_the_pace_loses_nothing_to_jitter() -> None:
    """Frames of a camera at five a second all pass, though each comes early or late."""

    async def scenario() -> None:
        clock = Clock()
        feed = LiveFeed(clock)
        with feed.watch() as viewer:
            for seq in range(1, 51):
                clock.ns = seq * 200 * _MS + (-20 if seq % 2 else 20) * _MS
                _offer(feed, seq=seq)
                assert len(viewer.take()) == 1

    _run(scenario)


def test_many_cameras_share_the_pictures() -> None:
    """Sixteen cameras at ten frames a second get 40 pictures a second between them."""

    async def scenario() -> None:
        clock = Clock()
        feed = LiveFeed(clock)
        kept: dict[str, int] = {f"c{number}": 0 for number in range(16)}
        with feed.watch() as viewer:
            for seq in range(1, 101):
                clock.ns = seq * 100 * _MS
                for camera in kept:
                    _offer(feed, camera, seq)
                for event in viewer.take():
                    kept[orjson.loads(event.payload)["camera"]] += 1
        assert all(20 <= count <= 30 for count in kept.values())

    _run(scenario)


def test_ring_is_bounded() -> None:
    """About a second of pictures per camera is kept, the newest ones."""

    async def scenario() -> None:
        clock = Clock()
        feed = LiveFeed(clock)
        with feed.watch():
            for seq in range(1, 101):
                clock.ns = seq * 200 * _MS
                _offer(feed, seq=seq)
            assert _kept(feed, "front", range(1, 101)) == [96, 97, 98, 99, 100]

    _run(scenario)


def test_late_viewer_gets_the_newest() -> None:
    """A viewer that was away for 100 messages finds the newest of each camera, once."""

    async def scenario() -> None:
        clock = Clock()
        feed = LiveFeed(clock)
        with feed.watch() as viewer:
            for seq in range(1, 101):
                clock.ns = seq * _SECOND
                _offer(feed, "front", seq)
                _offer(feed, "yard", seq)
            news = [orjson.loads(event.payload) for event in viewer.take()]
            assert [(one["camera"], one["seq"]) for one in news] == [("front", 100), ("yard", 100)]
            assert viewer.take() == []

    _run(scenario)


def test_state_changes_come_in_order_and_bounded() -> None:
    """Every state change reaches a viewer in order, and one that sleeps keeps the last 64."""

    async def scenario() -> None:
        feed = LiveFeed()
        with feed.watch() as viewer:
            feed.on_status(b"1")
            _offer(feed)
            feed.on_status(b"2")
            assert [event.kind for event in viewer.take()] == ["status", "detections", "status"]
            for number in range(100):
                feed.on_status(b"%d" % number)
            assert [event.payload for event in viewer.take()] == [b"%d" % n for n in range(36, 100)]

    _run(scenario)


def test_viewer_sees_what_comes_from_now_on() -> None:
    """A picture that was taken before a viewer came is no news to it."""

    async def scenario() -> None:
        feed = LiveFeed()
        with feed.watch():
            _offer(feed)
            with feed.watch() as second:
                assert second.take() == []

    _run(scenario)


def test_last_viewer_takes_the_pictures_along() -> None:
    """Nothing is kept once nobody watches."""

    async def scenario() -> None:
        feed = LiveFeed()
        with feed.watch():
            with feed.watch():
                _offer(feed)
            assert _kept(feed, "front", range(1, 2)) == [1]
        assert _kept(feed, "front", range(1, 2)) == []
        assert feed.viewers == 0

    _run(scenario)


def test_newest_is_no_older_than_asked() -> None:
    """A picture older than the caller accepts is not handed out."""

    async def scenario() -> None:
        clock = Clock()
        feed = LiveFeed(clock)
        with feed.watch():
            _offer(feed)
            clock.ns = 2 * _SECOND
            assert feed.newest("front", max_age_s=1.0) is None
            assert feed.newest("front", max_age_s=3.0) is not None
            assert feed.newest("yard", max_age_s=3.0) is None

    _run(scenario)


def test_news_from_another_thread_wake_a_viewer() -> None:
    """A waiting viewer wakes when the inference thread offers a frame."""

    async def scenario() -> None:
        feed = LiveFeed()
        with feed.watch() as viewer:
            until = asyncio.get_running_loop().time() + 30
            for seq in range(1, 4):
                thread = threading.Thread(target=feed.on_status, args=(b"%d" % seq,))
                thread.start()
                assert await viewer.wait(until)
                assert [event.payload for event in viewer.take()] == [b"%d" % seq]
                thread.join()

    _run(scenario)


def test_waiting_ends_with_the_time() -> None:
    """A wait whose time is over says so."""

    async def scenario() -> None:
        with LiveFeed().watch() as viewer:
            assert not await viewer.wait(asyncio.get_running_loop().time())

    _run(scenario)


def test_close_ends_viewers() -> None:
    """Closing wakes those that wait and turns away those that come later."""

    async def scenario() -> None:
        feed = LiveFeed()
        with feed.watch() as viewer:
            threading.Thread(target=feed.close).start()
            assert await viewer.wait(asyncio.get_running_loop().time() + 30)
            assert viewer.closed
        with feed.watch() as later:
            assert later.closed

    _run(scenario)


def test_feed_outlives_an_event_loop() -> None:
    """Viewers on a later event loop are woken as well."""
    feed = LiveFeed()

    async def scenario() -> None:
        with feed.watch() as viewer:
            feed.on_status(b"{}")
            assert await viewer.wait(asyncio.get_running_loop().time() + 30)

    _run(scenario)
    _run(scenario)
