"""Events workers on a real Redis: exactly once, whoever of them tracks a camera."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from redis.client import PubSub

from tests.support.event_site import (
    assert_sound,
    events_of,
    events_settings,
    put,
    put_status,
    running_events,
    wait_for_events,
)
from tests.support.messages import status
from tests.support.redis_server import RedisServer
from tests.support.visits import WalkingPerson, film, frame
from tests.support.waiting import wait_until
from vision.domain.message import DetectionMessage
from vision.domain.status import CameraState

pytestmark = pytest.mark.integration


def now_film(
    walks: list[WalkingPerson], seconds: float, fps: float = 5.0
) -> list[DetectionMessage]:
    """A scene of just now."""
    now_ns = time.time_ns()
    return film(walks, seconds, fps, began_ns=now_ns, run=now_ns // 1_000_000)


def test_a_visit_is_told_on_stream_and_channel(server: RedisServer) -> None:
    """The same bytes on both, and each once."""
    frames = now_film([WalkingPerson(0, 6)], 10)
    with server.client() as client:
        channel = PubSub(client.connection_pool, ignore_subscribe_messages=True)
        channel.subscribe("vision:events:{front}")
        channel.get_message(timeout=1)
        put(client, frames[:1])
        with running_events(server) as worker:
            put(client, frames[1:])
            events = wait_for_events(client, {"end": 1})
            shown = worker.metrics.exposition()[0].decode()
        stream: Any = client.xrange("vision:events:{front}")
        live = [channel.get_message(timeout=1) for _ in events]
        assert channel.get_message(timeout=0.1) is None
    assert [message["data"] for message in live if message] == [
        fields[b"message"] for _, fields in stream
    ]
    assert_sound(events)
    assert [event["type"] for event in events] == ["new", "update", "update", "end"]
    assert events[-1]["end"] == "left"
    assert events[-1]["duration_s"] == 6.0
    assert 'vision_events_total{camera="front",label="person",type="end"} 1.0' in shown
    assert 'vision_events_open{camera="front"} 0.0' in shown
    assert 'vision_events_lag_seconds{camera="front"}' in shown


def test_a_worker_that_dies_in_a_visit_is_followed_by_another(server: RedisServer) -> None:
    """One event, whatever the moment; here the first worker's thread is cut off from its lease."""
    frames = now_film([WalkingPerson(0, 8)], 12)
    with server.client() as client:
        put(client, frames[:1])
        with running_events(server) as first:
            put(client, frames[1:20])
            wait_for_events(client, {"new": 1})
            wait_until(lambda: first.part.cameras == ["front"], "a tracked camera")
            # Its lease has gone to somebody else: what it decides now is refused.
            client.set("vision:events-lease:{front}", "0123456789abcdef", px=800)
            put(client, frames[20:30])
            wait_until(lambda: first.part.cameras == [], "a camera that was let go")
        with running_events(server):
            put(client, frames[30:])
            events = wait_for_events(client, {"end": 1})
    assert_sound(events)
    assert {event["id"] for event in events} == {events[0]["id"]}


def test_cameras_are_shared_and_each_has_one_worker(server: RedisServer) -> None:
    """A second worker gets its part; when one leaves, the other has all again."""
    names = ["a", "b", "c", "d"]
    with server.client() as client:
        for name in names:
            put(client, [frame(1, 0.0, camera=name)])
        with running_events(server) as first:
            wait_until(lambda: first.part.cameras == names, "all cameras with one worker")
            with running_events(server, wait=False) as second:
                wait_until(lambda: len(second.part.cameras) == 2, "a fair share")
                wait_until(lambda: len(first.part.cameras) == 2, "a fair share")
                assert sorted(first.part.cameras + second.part.cameras) == names
            wait_until(lambda: first.part.cameras == names, "all cameras with one worker again")


def test_redis_goes_and_comes_back(server: RedisServer) -> None:
    """Killed in the middle of a visit: nothing doubled, nothing lost."""
    frames = now_film([WalkingPerson(0, 8)], 12)
    with server.client() as client:
        put(client, frames[:1])
    with running_events(server) as worker:
        with server.client() as client:
            put(client, frames[1:20])
            wait_for_events(client, {"new": 1})
        server.stop()
        wait_until(lambda: not worker.part.connected, "a lost connection")
        server.restart()
        with server.client() as client:
            put(client, frames[20:])
            events = wait_for_events(client, {"end": 1})
    assert_sound(events)
    assert len({event["id"] for event in events}) == 1


def test_a_stream_trimmed_past_the_state_is_a_gap(server: RedisServer) -> None:
    """Nobody was there while messages came and went: the event goes on and says so."""
    frames = now_film([WalkingPerson(0, 10, start=(0.5, 0.8), end=(0.5, 0.8))], 14)
    with server.client() as client:
        put(client, frames[:1])
        with running_events(server):
            put(client, frames[1:20])
            wait_for_events(client, {"new": 1})
        put(client, frames[20:])
        client.xtrim("vision:detections:{front}", maxlen=30, approximate=False)
        with running_events(server):
            events = wait_for_events(client, {"end": 1})
    assert_sound(events)
    (gap,) = events[-1]["gaps"]
    assert gap["reason"] == "stream"
    assert gap["frames"] == 20
    assert events[-1]["duration_s"] == 10.0


def test_a_state_that_is_lost_is_made_anew_from_the_streams(server: RedisServer) -> None:
    """The event goes on under its id; one that cannot be found again ends."""
    frames = now_film([WalkingPerson(0, 8)], 12)
    with server.client() as client:
        put(client, frames[:1])
        with running_events(server):
            put(client, frames[1:20])
            wait_for_events(client, {"new": 1})
        client.delete("vision:events-state:{front}")
        with running_events(server):
            put(client, frames[20:])
            events = wait_for_events(client, {"end": 1})
        assert_sound(events)
        assert len({event["id"] for event in events}) == 1
        assert events[-1]["end"] == "left"


def test_an_open_event_that_is_found_no_more_ends(server: RedisServer) -> None:
    """Of a lost state and lost detections: nobody waits for an end that never comes."""
    frames = now_film([WalkingPerson(0, 8)], 12)
    with server.client() as client:
        put(client, frames[:1])
        with running_events(server):
            put(client, frames[1:20])
            wait_for_events(client, {"new": 1})
        client.delete("vision:events-state:{front}", "vision:detections:{front}")
        now_ns = time.time_ns()
        put(client, [frame(1, 0.0, run=now_ns // 1_000_000 + 60_000, began_ns=now_ns)])
        with running_events(server):
            events = wait_for_events(client, {"end": 1})
    assert_sound(events)
    assert events[-1]["end"] == "run"


def test_a_camera_that_falls_silent_ends_its_events(server: RedisServer) -> None:
    """After ``away_s``, by the clock, since no message will tell."""
    settings = events_settings(server, events={"away_s": 1.0})
    with server.client() as client:
        put(client, [frame(1, 0.0, run=1000)])
        with running_events(server, settings):
            put(client, film([WalkingPerson(0, 60)], 3, run=1000)[1:])
            events = wait_for_events(client, {"end": 1})
    assert events[-1]["end"] == "camera"
    assert events[-1]["time"]["ended"] == events[-1]["time"]["seen"]


def test_empty_frames_that_nobody_is_told_of_end_a_visit(server: RedisServer) -> None:
    """Under ``on_change`` the first empty frame is the last message for hours."""
    settings = events_settings(server, publishing={"empty_frames": "on_change"})
    with server.client() as client:
        put(client, [frame(1, 0.0, run=1000)])
        put_status(client, replace(status(CameraState.ONLINE), run="1000"))
        with running_events(server, settings):
            scene = film([WalkingPerson(0, 3)], 20, run=1000)
            put(client, [message for message in scene[1:] if message.detections] + scene[16:17])
            events = wait_for_events(client, {"end": 1})
    assert events[-1]["end"] == "left"
    assert events[-1]["gaps"] == []


def test_what_is_no_message_is_passed_over(server: RedisServer) -> None:
    """Somebody else's entries on our stream stop nobody."""
    frames = now_film([WalkingPerson(0, 6)], 10)
    with server.client() as client:
        put(client, frames[:1])
        with running_events(server):
            put(client, frames[1:9])
            client.xadd("vision:detections:{front}", {"message": "{}"}, id=frames[9].stream_id)
            broken = replace(frames[10], time=replace(frames[10].time, captured="now"))
            put(client, [broken])
            put(client, frames[11:])
            client.xadd("vision:status:{front}", {"other": "x"})
            events = wait_for_events(client, {"end": 1})
    assert_sound(events)
    assert len({event["id"] for event in events}) == 1


def test_many_restarts_in_many_visits_double_nothing(server: RedisServer) -> None:
    """Workers that come and go all the time, several at once."""
    walks = [
        WalkingPerson(start, start + 5, (0.1, y), (0.9, y))
        for start, y in zip(range(0, 24, 3), itertools.cycle((0.4, 0.7, 0.95)), strict=False)
    ]
    frames = now_film(walks, 32)
    with server.client() as client:
        put(client, frames[:1])
        stop = threading.Event()

        def come_and_go() -> None:
            while not stop.is_set():
                with running_events(server, wait=False):
                    stop.wait(0.4)

        workers = [threading.Thread(target=come_and_go) for _ in range(2)]
        for worker in workers:
            worker.start()
        try:
            for start in range(1, len(frames), 8):
                put(client, frames[start : start + 8])
                threading.Event().wait(0.1)
            events = wait_for_events(client, {"end": len(walks)})
        finally:
            stop.set()
            for worker in workers:
                worker.join()
        assert events_of(client) == events
    assert_sound(events)
    assert len({event["id"] for event in events}) == len(walks)
