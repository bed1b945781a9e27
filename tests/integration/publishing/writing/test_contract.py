"""What a plain Redis client sees of the published messages."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.support.messages import detection, status
from tests.support.node import validate
from tests.support.publishing import let_pass, publishing_to, stream_payloads, stream_seqs
from tests.support.raw_redis import RawSubscriber
from tests.support.redis_server import RedisServer
from vision.config.core import PublishingSettings
from vision.domain.status import CameraState
from vision.publishing.keys import Kind

pytestmark = pytest.mark.integration


def test_channel_and_stream_carry_the_same_valid_bytes(server: RedisServer) -> None:
    """SUBSCRIBE gives live what XRANGE gives later, and both fit the schema."""
    messages = [detection(1), detection(2, detections=()), detection(5, skipped=2)]
    with (
        RawSubscriber(server, "vision:detections:{front}") as live,
        publishing_to(server) as running,
    ):
        payloads = [running.publisher.publish(message) for message in messages]
        assert [live.next_payload() for _ in messages] == payloads
        running.wait_sent()
        assert running.observer.messages == 3
    for payload in payloads:
        validate(payload)
    assert stream_payloads(server) == dict(
        zip([message.stream_id for message in messages], payloads, strict=True)
    )


def test_a_state_is_told_kept_and_looked_up(server: RedisServer) -> None:
    """A status reaches channel and stream, and the hash says the newest."""
    with RawSubscriber(server, "vision:status:{front}") as live, publishing_to(server) as running:
        first = running.publisher.publish_status(status(CameraState.STARTING))
        second = running.publisher.publish_status(status(CameraState.ONLINE, reason="pictures"))
        assert [live.next_payload(), live.next_payload()] == [first, second]
        running.wait_sent()
        with server.client() as client:
            hash_fields = client.hgetall("vision:state:{front}")
    validate(first)
    assert list(stream_payloads(server, kind=Kind.STATUS).values()) == [first, second]
    document = json.loads(second)
    expected = document | {"retry_at": "", "lost": "0"}
    assert hash_fields == {key.encode(): value.encode() for key, value in expected.items()}


def test_who_ends_late_does_not_end_its_successor(server: RedisServer) -> None:
    """Two ingest processes hand a camera over: the state is the newer run's, whoever speaks last."""
    new = status(CameraState.ONLINE)
    old = replace(new, run=str(int(new.run) - 1), state=CameraState.STOPPED.value)
    with publishing_to(server) as first, publishing_to(server) as second:
        second.publisher.publish_status(new)
        second.wait_sent()
        first.publisher.publish_status(old)
        first.wait_sent()
        with server.client() as client:
            key = "vision:state:{front}"
            assert client.hmget(key, ["state", "run"]) == [b"online", new.run.encode()]
            second.publisher.publish_status(replace(new, state=CameraState.STOPPED.value))
            second.wait_sent()
            assert client.hget(key, "state") == b"stopped"
        assert len(stream_payloads(server, kind=Kind.STATUS)) == 3


def test_streams_are_trimmed_to_what_is_kept(server: RedisServer) -> None:
    """Retention bounds each stream, give or take what Redis keeps in one node."""
    publishing = PublishingSettings(stream_max_messages=100)
    with publishing_to(server, publishing) as running:
        for seq in range(1, 1001):
            running.publisher.publish(detection(seq))
        running.wait_sent()
    seqs = [json.loads(payload)["seq"] for payload in stream_payloads(server).values()]
    assert 100 <= len(seqs) <= 300
    assert seqs[-1] == 1000


def test_a_message_older_than_the_limit_is_not_live(server: RedisServer) -> None:
    """What waited too long goes to its stream alone; the channel shows only the present."""
    publishing = PublishingSettings(live_max_age_ms=100)
    with RawSubscriber(server, "vision:detections:{front}") as live:
        server.pause()
        with publishing_to(server, publishing, command_timeout_s=30.0) as running:
            for seq in range(1, 6):
                running.publisher.publish(detection(seq))
            let_pass(0.2)
            server.resume()
            running.wait_sent()
            fresh = running.publisher.publish(detection(6))
            assert live.payloads_until(fresh) == [fresh]
            running.wait_sent()
    assert stream_seqs(server) == [1, 2, 3, 4, 5, 6]
