"""Viewers get the newest message of each event, those from before their time too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import orjson

from tests.support.event_messages import event
from tests.support.web import frame, message, status
from vision.domain.event import EndReason, EventMessage, EventType
from vision.publishing.encoding import encode
from vision.web.feed import LiveFeed, Viewer


def _run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


def _offer(feed: LiveFeed, *messages: EventMessage) -> None:
    for each in messages:
        feed.on_event(each, encode(each))


def _ended(number: int, revision: int = 1, camera: str = "front") -> EventMessage:
    return event(revision, camera=camera, number=number, kind=EventType.END, end=EndReason.LEFT)


def _told(viewer: Viewer) -> list[tuple[str, int]]:
    """Id and revision of the events that a viewer gets now."""
    documents = [orjson.loads(news.payload) for news in viewer.take() if news.kind == "event"]
    return [(document["id"].rpartition(":")[2], document["revision"]) for document in documents]


def _named(number: int, revision: int) -> tuple[str, int]:
    return (f"1763898000123-{number}-0", revision)


def test_a_viewer_gets_what_came_before_it() -> None:
    """A page that opens shows what is going on and what has been, in the order it was told."""

    async def scenario() -> None:
        feed = LiveFeed()
        _offer(feed, event(number=1), event(number=2), _ended(1))
        with feed.watch() as viewer:
            assert _told(viewer) == [_named(2, 0), _named(1, 1)]
            assert viewer.take() == []
            _offer(feed, event(1, number=2, kind=EventType.UPDATE))
            assert _told(viewer) == [_named(2, 1)]

    _run(scenario)


def test_events_stand_among_the_other_news_in_their_order() -> None:
    """What a viewer that was there sees is the order in which things were told."""

    async def scenario() -> None:
        feed = LiveFeed()
        with feed.watch() as viewer:
            feed.on_status(status())
            _offer(feed, event())
            feed.on_inferred(frame(), message(frame()))
            assert [news.kind for news in viewer.take()] == ["status", "event", "detections"]

    _run(scenario)


def test_an_event_wakes_a_viewer() -> None:
    """It is shown at once, not with the next overview."""

    async def scenario() -> None:
        feed = LiveFeed()
        with feed.watch() as viewer:
            _offer(feed, event())
            assert await viewer.wait(asyncio.get_running_loop().time() + 30)

    _run(scenario)


def test_what_was_told_before_is_no_news() -> None:
    """A message that is read again, or comes late, neither comes back nor undoes the end."""

    async def scenario() -> None:
        feed = LiveFeed()
        _offer(feed, event(number=1), _ended(1, 2), event(1, number=1, kind=EventType.UPDATE))
        with feed.watch() as viewer:
            assert _told(viewer) == [_named(1, 2)]
            _offer(feed, _ended(1, 2))
            assert viewer.take() == []

    _run(scenario)


def test_what_goes_on_outlives_what_is_over() -> None:
    """Of ended events the newest 30 of a camera are kept; a parked car stays all day."""

    async def scenario() -> None:
        feed = LiveFeed()
        _offer(feed, event(number=1), _ended(2, camera="yard"))
        for number in range(3, 103):
            _offer(feed, event(number=number), _ended(number))
        with feed.watch() as viewer:
            told = _told(viewer)
            assert told[0] == _named(1, 0)
            assert told[1] == _named(2, 1)
            assert told[2:] == [_named(number, 1) for number in range(73, 103)]

    _run(scenario)


def test_open_events_are_bounded_too() -> None:
    """A worker that tells of no end does not fill the memory."""

    async def scenario() -> None:
        feed = LiveFeed()
        for number in range(1, 301):
            _offer(feed, event(number=number))
        with feed.watch() as viewer:
            assert len(_told(viewer)) == 100

    _run(scenario)
