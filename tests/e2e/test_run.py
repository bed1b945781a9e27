"""The node as a process: real cameras, real Redis, real model."""

from __future__ import annotations

import base64
import itertools
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from simulator import Clip, Credentials, Server
from tests.support.clips import make_clip
from tests.support.node import CameraCredentials, running_node, validate
from tests.support.processes import children_of
from tests.support.raw_redis import RawSubscriber
from tests.support.redis_contents import redis_contents
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

SECRET = CameraCredentials()


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two cameras of 10 fps that ask for digest authentication."""
    clip = Clip.load(make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4"))
    credentials = Credentials(SECRET.username, SECRET.password, "digest")
    with Server({"front": clip, "yard": clip}, credentials=credentials) as server:
        yield server


def settings(cameras: Server, redis: RedisServer, **topics: Any) -> dict[str, Any]:
    """Settings of a node with both cameras."""
    return {
        "redis": {"url": redis.settings().url},
        "web": {"port": 0},
        "cameras": {
            name: {"url": cameras.url(name), "fps": 5, "auth": "required"}
            for name in ("front", "yard")
        },
        **topics,
    }


def files(redis: RedisServer) -> dict[str, str]:
    """The secret files of such a node."""
    return {
        "redis_password": redis.password,
        "camera_front_username": SECRET.username,
        "camera_front_password": SECRET.password,
        "camera_yard_username": SECRET.username,
        "camera_yard_password": SECRET.password,
    }


def age_when_taken_s(message: dict[str, Any]) -> float:
    """How old a frame was when the engine was handed it."""
    captured, inferred = (
        datetime.fromisoformat(message["time"][name]) for name in ("captured", "inferred")
    )
    in_engine_s = float(message["time"]["inference_ms"]) / 1000
    return (inferred - captured).total_seconds() - in_engine_s


def test_live_messages_are_valid_replayable_and_without_gap(
    cameras: Server, redis: RedisServer, tmp_path: Path
) -> None:
    """SUBSCRIBE sees what XRANGE replays, byte by byte, and ``skipped`` explains each gap."""
    with running_node(tmp_path, settings(cameras, redis), **files(redis)) as node:
        with RawSubscriber(redis, "vision:detections:{front}") as live:
            payloads = [live.next_payload() for _ in range(12)]
        assert node.stop() == 0
    messages = [validate(payload) for payload in payloads]
    with redis.client() as client:
        stream: Any = client.xrange("vision:detections:{front}")
        states: Any = client.xrange("vision:status:{front}")
        state: Any = client.hget("vision:state:{front}", "state")
    replayed = {entry_id.decode(): fields[b"message"] for entry_id, fields in stream}
    for message, payload in zip(messages, payloads, strict=True):
        assert replayed[f"{message['run']}-{message['seq']}"] == payload
    for earlier, later in itertools.pairwise(messages):
        assert later["seq"] == earlier["seq"] + 1 + later["skipped"]
        assert later["time"]["captured"] > earlier["time"]["captured"]
    assert {message["time"]["source"] for message in messages[2:]} == {"rtcp"}
    told = [validate(fields[b"message"])["state"] for _, fields in states]
    assert told == ["starting", "online", "stopped"]
    assert state == b"stopped"


def test_redis_away_at_the_start_is_said_and_made_up_for(
    cameras: Server, redis: RedisServer, tmp_path: Path
) -> None:
    """The node starts anyway, detects, and fills the stream in order once Redis is there."""
    redis.stop()
    with running_node(tmp_path, settings(cameras, redis), **files(redis)) as node:
        node.wait_for_log("publish.redis_away")
        node.wait_for_log("state=online")
        redis.restart()
        node.wait_for_log("publish.connected")
        with redis.client() as client:
            key = "vision:detections:{yard}"
            wait_until(lambda: client.xlen(key) > 10, "messages on the stream")
            stream: Any = client.xrange(key)
        assert node.stop() == 0
    messages = [validate(fields[b"message"]) for _, fields in stream]
    # From the first frame on: what was inferred while Redis was away is all there.
    assert messages[0]["seq"] == 1 + messages[0]["skipped"]
    for earlier, later in itertools.pairwise(messages):
        assert later["seq"] == earlier["seq"] + 1 + later["skipped"]


def test_credentials_are_nowhere_to_be_seen(
    cameras: Server, redis: RedisServer, tmp_path: Path
) -> None:
    """Not in logs at debug level, command lines, environments, messages or on the page."""
    topics = {"logs": {"level": "debug"}}
    with running_node(tmp_path, settings(cameras, redis, **topics), **files(redis)) as node:
        node.wait_for_log("state=online")
        page = node.page()
        cameras.cut()
        node.wait_for_log("state=reconnecting")
        seen = node.log
        for path in ("api/cameras", "metrics"):
            seen += httpx.get(page + path).raise_for_status().text
        assert node.process is not None
        for process in children_of(node.process.pid):
            seen += process.command + process.environment()
        seen += redis_contents(redis)
        assert node.stop() == 0
    seen += node.log
    pair = base64.b64encode(f"{SECRET.username}:{SECRET.password}".encode()).decode()
    for secret in (SECRET.username, SECRET.password, redis.password):
        assert secret not in seen
        assert quote(secret, safe="") not in seen
    assert pair not in seen


def test_nothing_stale_is_inferred_under_overload(
    cameras: Server, redis: RedisServer, tmp_path: Path
) -> None:
    """With one slow request for two fast cameras frames are skipped, never queued.

    Pictures of four times the usual size keep any engine busy.
    """
    inference = {"max_staleness_ms": 800, "requests": 1, "threads": 1}
    topics = {"inference": inference, "model": {"input_size": 1280}}
    configured = settings(cameras, redis, **topics)
    for camera in configured["cameras"].values():
        camera["fps"] = 10
    with running_node(tmp_path, configured, **files(redis)) as node:
        with RawSubscriber(redis, "vision:detections:{front}") as live:
            messages = [validate(live.next_payload()) for _ in range(20)]
        assert node.stop() == 0
    for earlier, later in itertools.pairwise(messages):
        assert later["seq"] == earlier["seq"] + 1 + later["skipped"]
    assert sum(message["skipped"] for message in messages) > 0
    assert max(age_when_taken_s(message) for message in messages) <= 0.8 + 0.01


def test_a_second_signal_ends_a_node_that_drains(
    cameras: Server, redis: RedisServer, tmp_path: Path
) -> None:
    """Whoever is in a hurry presses Ctrl-C twice; no ingest process is left."""
    with running_node(tmp_path, settings(cameras, redis), **files(redis)) as node:
        node.wait_for_log("publish.connected")
        node.wait_for_log("state=online")
        assert node.process is not None
        family = children_of(node.process.pid)
        redis.pause()
        node.process.send_signal(signal.SIGTERM)
        node.wait_for_log("node.stopping")
        node.process.send_signal(signal.SIGTERM)
        assert node.process.wait(30) != 0 or "node.stopped" in node.log
        redis.resume()
    for process in family:
        process.wait_until_gone()
