"""A key of another type, or rubbish on a stream, costs its own camera's events and no other's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
import redis

from tests.support.event_site import (
    assert_sound,
    put,
    running_events,
    wait_for_events,
)
from tests.support.foreign_keys import each_occupant, put_list
from tests.support.messages import detection
from tests.support.redis_server import RedisServer
from tests.support.visits import WalkingPerson, film
from tests.support.waiting import wait_until
from vision.domain.message import DetectionMessage
from vision.publishing.encoding import encode

pytestmark = pytest.mark.integration
Occupy = Callable[[redis.Redis, str], None]
_KEYS = (
    "vision:detections:{front}",
    "vision:status:{front}",
    "vision:events:{front}",
    "vision:events-state:{front}",
    "vision:events-lease:{front}",
    "vision:events-workers",
)


def _film(camera: str, *, later_ms: int = 0) -> list[DetectionMessage]:
    now_ns = time.time_ns()
    run = now_ns // 1_000_000 + later_ms
    return film([WalkingPerson(0, 5)], 9, camera=camera, began_ns=now_ns, run=run)


@pytest.mark.parametrize("key", _KEYS)
@each_occupant
def test_the_others_are_tracked_and_the_key_is_named(
    server: RedisServer, key: str, occupy: Occupy
) -> None:
    """And once the key is right its camera is tracked, without a restart."""
    if occupy.__name__ == "put_string" and ("state" in key or "lease" in key):
        pytest.skip("a string is what it is to be")
    with server.client() as client:
        occupy(client, key)
        if "detections" not in key:
            put(client, _film("front"))
        put(client, _film("yard"))
        with running_events(server, wait=False) as worker:
            assert_sound(wait_for_events(client, {"end": 1}, "yard"))
            wait_until(lambda: key in "".join(worker.troubles.reasons()), "the key by name")
            assert worker.part.connected
            client.delete(key)
            put(client, _film("front", later_ms=60_000))
            assert_sound(wait_for_events(client, {"end": 1}, "front"))
            wait_until(lambda: not worker.troubles.reasons(), "no complaint")


@pytest.mark.parametrize("key", _KEYS[:5])
def test_a_key_that_becomes_another_one_meanwhile(server: RedisServer, key: str) -> None:
    """While both cameras are tracked: the other one loses nothing, and the first comes back."""
    with server.client() as client:
        put(client, _film("front")[:1])
        put(client, _film("yard")[:1])
        with running_events(server) as worker:
            wait_until(lambda: worker.part.cameras == ["front", "yard"], "both")
            pipe = client.pipeline()
            pipe.delete(key)
            put_list(pipe, key)
            pipe.execute()
            put(client, _film("yard", later_ms=10_000))
            if "detections" not in key:
                put(client, _film("front", later_ms=10_000))
            assert_sound(wait_for_events(client, {"end": 1}, "yard"))
            wait_until(lambda: key in "".join(worker.troubles.reasons()), "the key by name")
            client.delete(key)
            put(client, _film("front", later_ms=60_000))
            assert_sound(wait_for_events(client, {"end": 1}, "front"))


def test_leases_and_workers_of_nobody_keep_no_camera(server: RedisServer) -> None:
    """Texts that no worker wrote, and that nobody would ever take away."""
    with server.client() as client:
        client.set("vision:events-lease:{front}", '{"somebody": "else"}')
        for number in range(5):
            client.zadd("vision:events-workers", {f"nobody-{number}": float("inf")})
        put(client, _film("front"))
        put(client, _film("yard"))
        with running_events(server):
            for camera in ("front", "yard"):
                assert_sound(wait_for_events(client, {"end": 1}, camera))


def test_a_stream_made_anew_is_read_from_its_beginning(server: RedisServer) -> None:
    """With smaller ids, as after somebody deleted it and the clock went back."""
    before, after = _film("front"), _film("front", later_ms=-500_000)
    with server.client() as client:
        put(client, before[:1])
        with running_events(server):
            put(client, before[1:20])
            wait_for_events(client, {"new": 1})
            pipe = client.pipeline()
            pipe.delete("vision:detections:{front}")
            for one in after:
                pipe.xadd("vision:detections:{front}", {"message": encode(one)}, id=one.stream_id)
            pipe.execute()
            events = wait_for_events(client, {"end": 2})
    assert_sound(events)
    assert [one["end"] for one in events if one["end"]] == ["run", "left"]


def test_rubbish_on_the_streams_is_counted_and_passed_by(server: RedisServer) -> None:
    """Times that are none among them; nothing of it is met again by the next worker."""
    frames = _film("front")
    document = json.loads(encode(frames[5]))
    key = "vision:detections:{front}"
    wrong = [
        b"\xff",
        b"[" * 5_000,
        encode(detection(1, camera="yard")),
        json.dumps(document | {"time": document["time"] | {"captured": "x"}}).encode(),
        json.dumps(document | {"frame": document["frame"] | {"width": 0}}).encode(),
    ]
    with server.client() as client:
        put(client, frames[:1])
        # Before there are events, whose ids are greater.
        client.xadd("vision:events:{front}", {"message": b"rubbish"}, id="1-1")
        with running_events(server) as worker:
            put(client, frames[1:10])
            run, _, seq = frames[9].stream_id.partition("-")
            for index, payload in enumerate(wrong):
                client.xadd(f"{key}", {"message": payload}, id=f"{run}-{int(seq) + 1}{index}")
            client.xadd("vision:status:{front}", {"message": b'{"schema": "vision.status/1"}'})
            later = _film("front", later_ms=100)
            put(client, later)
            counted = {
                f'vision_messages_invalid_total{{camera="front",kind="{kind}"}} {count}.0'
                for kind, count in (("detections", 5), ("status", 1))
            }
            wait_until(
                lambda: counted <= {*worker.metrics.exposition()[0].decode().splitlines()},
                "the counts",
            )
        with running_events(server) as second:
            put(client, _film("front", later_ms=60_000))
            wait_until(lambda: client.xlen("vision:events:{front}") > 2, "events")
            assert 'kind="detections"' not in second.metrics.exposition()[0].decode()


@pytest.mark.parametrize(
    "state", [b"", b"{}", b"\xff", b"[" * 5_000, b'{"version": "vision.events-state/1"}']
)
def test_a_state_that_is_none_is_made_anew(server: RedisServer, state: bytes) -> None:
    """As one that was lost."""
    with server.client() as client:
        client.set("vision:events-state:{front}", state)
        put(client, _film("front"))
        with running_events(server):
            assert_sound(wait_for_events(client, {"end": 1}))
