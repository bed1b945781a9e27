"""A Redis that comes back without what it had confirmed: sent again, or told as lost."""

from __future__ import annotations

import pytest

from tests.support.messages import RUN, detection, status
from tests.support.publishing import (
    RunningPublisher,
    let_pass,
    publishing_to,
    stream_payloads,
    stream_seqs,
)
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from vision.config.core import PublishingSettings
from vision.domain.losses import DropReason
from vision.domain.run_ids import RunIds
from vision.publishing.encoding import decode_detections
from vision.publishing.keys import Kind

pytestmark = pytest.mark.integration
_SMALL = PublishingSettings(outbox_messages=100)
_CAMERAS = [f"camera-{number}" for number in range(6)]


def _stop_keeping(server: RedisServer) -> None:
    """From here on nothing reaches the disk."""
    with server.client() as client:
        client.config_set("appendonly", "no")


def _crash(server: RedisServer, running: RunningPublisher) -> None:
    server.kill()
    running.wait_away()
    server.restart()
    running.wait_connected()
    running.wait_sent()


def _publish(running: RunningPublisher, seqs: range) -> None:
    for seq in seqs:
        for camera in _CAMERAS:
            running.publisher.publish(detection(seq, camera=camera))
    running.wait_sent()


def test_a_small_outbox_does_not_limit_what_is_sent_again(server: RedisServer) -> None:
    """Many more messages than `outbox_messages` were confirmed and forgotten: all come again."""
    with publishing_to(server, _SMALL) as running:
        _publish(running, range(1, 6))
        _stop_keeping(server)
        for first in range(6, 106, 20):
            _publish(running, range(first, first + 20))
        _crash(server, running)
        _publish(running, range(106, 107))
        assert not running.observer.drops
    for camera in _CAMERAS:
        assert stream_seqs(server, camera) == list(range(1, 107))


def _forget(running: RunningPublisher) -> None:
    """As if what was confirmed had been so long ago."""
    running.publisher._sender._confirmed._entries.clear()


def test_what_nobody_can_send_again_is_told_as_lost(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """An older backup: a new run begins, which claims none of the frames that were told of."""
    runs = RunIds(utc_ns=lambda: RUN * 1_000_000)
    runs.next("front")
    with publishing_to(server, _SMALL, runs=runs) as running:
        running.publisher.publish_status(status())
        for seq in range(1, 11):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        _stop_keeping(server)
        for seq in range(11, 31):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        _forget(running)
        _crash(server, running)
        assert running.observer.drops == {("front", DropReason.FORGOTTEN): 20}
        running.publisher.publish(detection(32, skipped=1))
        running.wait_sent()
        wait_until(
            lambda: any(
                b"20 messages lost: Redis came back without them" in payload
                for payload in stream_payloads(server, kind=Kind.STATUS).values()
            ),
            "a status on the loss",
        )
        with server.client() as client:
            assert client.hget("vision:state:{front}", "lost") == b"20"
    last = decode_detections(list(stream_payloads(server).values())[-1])
    assert (int(last.run) > RUN, last.seq, last.skipped) == (True, 2, 1)
    assert "publish.forgotten" in caplog.text


def test_a_part_that_can_be_sent_again_accounts_for_the_rest(server: RedisServer) -> None:
    """What is left goes to the stream under its ids, and explains what is missing before it."""
    with publishing_to(server, _SMALL) as running:
        for seq in range(1, 11):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        _stop_keeping(server)
        for seq in range(11, 21):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        _forget(running)
        for seq in range(21, 31):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        _crash(server, running)
        running.publisher.publish(detection(31))
        running.wait_sent()
        assert running.observer.drops == {("front", DropReason.FORGOTTEN): 10}
    assert stream_seqs(server) == [*range(1, 11), *range(21, 32)]


def test_an_empty_redis_is_claimed_nothing(server: RedisServer) -> None:
    """After it lost all its data the next message accounts for no frame that was told of."""
    with publishing_to(server) as running, server.client() as client:
        for seq in range(1, 11):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        _forget(running)
        client.flushall()
        client.client_kill_filter(_type="normal", skipme=True)
        running.publisher.publish(detection(12, skipped=1))
        running.wait_sent()
        assert not running.observer.drops
    (payload,) = stream_payloads(server).values()
    assert decode_detections(payload).skipped == 1


def test_an_outage_of_the_disk_alone_costs_nothing(server: RedisServer) -> None:
    """Nothing was forgotten: nothing is sent again, and no run is raised."""
    runs = RunIds(utc_ns=lambda: RUN * 1_000_000)
    runs.next("front")
    with publishing_to(server, runs=runs) as running:
        for seq in range(1, 11):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        let_pass(0.1)
        server.stop()
        for seq in range(11, 21):
            running.publisher.publish(detection(seq))
        server.restart()
        running.wait_sent()
        assert not running.observer.drops
    assert stream_seqs(server) == list(range(1, 21))
    assert {decode_detections(said).run for said in stream_payloads(server).values()} == {str(RUN)}
