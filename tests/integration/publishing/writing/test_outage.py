"""Redis goes away in every way it can; messages do not."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time

import pytest

from tests.support.messages import detection, status
from tests.support.outage import outage
from tests.support.publishing import (
    SteadyCameras,
    let_pass,
    publishing_to,
    stream_payloads,
    stream_seqs,
)
from tests.support.raw_redis import RawSubscriber
from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE_S, wait_until
from vision.config.core import PublishingSettings
from vision.domain.losses import DropReason
from vision.publishing.keys import Kind

pytestmark = pytest.mark.integration
_COMMAND_TIMEOUT_S = 60.0


def test_a_crash_loses_and_doubles_nothing(server: RedisServer) -> None:
    """Kill -9 and restart, twice, under load: each stream is whole and in order."""
    with server.client() as client:
        client.config_set("appendfsync", "always")
    with publishing_to(server) as running:
        cameras = SteadyCameras(running)
        for _ in range(2):
            cameras.wait_for(more=50)
            server.kill()
            running.wait_away()
            cameras.wait_for(more=50)
            server.restart()
            running.wait_connected()
        cameras.wait_for(more=50)
        cameras.finish()
        running.wait_sent()
        assert running.observer.messages == sum(cameras.published.values())
        assert not running.observer.drops
    cameras.assert_all_on(server)


def test_what_a_crash_took_from_the_disk_is_sent_again(server: RedisServer) -> None:
    """A Redis that confirmed messages and forgot them in a crash gets them once more."""
    with publishing_to(server) as running:
        for seq in range(1, 6):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        with server.client() as client:
            # From here on nothing reaches the disk: more than a crash would take.
            client.config_set("appendonly", "no")
        for seq in range(6, 26):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        server.kill()
        server.restart()
        running.publisher.publish(detection(26))
        wait_until(lambda: len(stream_payloads(server)) == 26, "all messages again")
        running.wait_sent()
        assert running.observer.messages == 26
    assert stream_seqs(server) == list(range(1, 27))


def test_an_outage_of_many_cameras_is_made_up_for(server: RedisServer) -> None:
    """A reader finds all messages of eight cameras once and in order.

    The long form is `python -m tests.support.outage away --seconds 60`.
    """
    counted = outage(server, away_s=3.0, cameras=8, fps=20.0)
    assert counted.published > 8 * 10
    assert (counted.lost, counted.doubled, counted.in_order) == (0, 0, True)


def test_a_frozen_server_doubles_nothing(server: RedisServer) -> None:
    """Commands that time out and are executed late: each message is on its stream once."""
    with publishing_to(server, command_timeout_s=0.2) as running:
        cameras = SteadyCameras(running)
        for _ in range(3):
            cameras.wait_for(more=20)
            server.pause()
            running.wait_away()
            cameras.wait_for(more=20)
            server.resume()
            running.wait_connected()
        cameras.finish()
        running.publisher.publish_status(status(reason="the last"))
        running.wait_sent()
        assert not running.observer.drops
    cameras.assert_all_on(server)


def test_cut_connections_double_nothing_live(server: RedisServer) -> None:
    """A subscriber that stays hears each message at most once, in order."""
    with (
        RawSubscriber(server, "vision:detections:{front}") as live,
        publishing_to(server) as running,
        server.client() as client,
    ):
        cameras = SteadyCameras(running)
        for _ in range(10):
            cameras.wait_for(more=10)
            client.client_kill_filter(_type="normal", skipme=True)
        cameras.finish()
        running.wait_sent()
        last = running.publisher.publish(detection(cameras.published["front"] + 1))
        heard = [json.loads(payload)["seq"] for payload in live.payloads_until(last)]
    assert heard == sorted(set(heard))
    assert stream_seqs(server) == list(range(1, cameras.published["front"] + 2))


def test_an_outage_longer_than_the_outbox_costs_the_oldest(server: RedisServer) -> None:
    """Beyond the bound the oldest go, counted to the message, told and accounted for."""
    with publishing_to(server, PublishingSettings(outbox_messages=100)) as running:
        running.publisher.publish_status(status())
        running.publisher.publish(detection(1))
        running.wait_sent()
        server.stop()
        running.publisher.publish_status(status(reason="still here"))
        running.wait_away()
        for seq in range(2, 352):
            running.publisher.publish(detection(seq))
        assert running.observer.drops == {("front", DropReason.OVERFLOW): 250}
        server.restart()
        running.wait_sent()
        wait_until(
            lambda: len(stream_payloads(server, kind=Kind.STATUS)) == 3, "a status on the loss"
        )
        assert running.observer.drops == {("front", DropReason.OVERFLOW): 250}
    assert stream_seqs(server) == [1, *range(252, 352)]
    *_, report = stream_payloads(server, kind=Kind.STATUS).values()
    assert json.loads(report)["state"] == "online"
    assert json.loads(report)["reason"].startswith("250 messages lost")
    with server.client() as client:
        assert client.hget("vision:state:{front}", "lost") == b"250"


def test_publishing_never_waits_for_a_dead_server(server: RedisServer) -> None:
    """A thousand messages and states are handed over while nobody answers.

    One that waited for Redis would wait for its command to time out.
    """
    with publishing_to(server, command_timeout_s=_COMMAND_TIMEOUT_S) as running:
        running.wait_connected()
        server.pause()
        started_s = time.monotonic()
        for seq in range(1, 1001):
            if seq == 501:
                server.kill()
            running.publisher.publish(detection(seq))
            running.publisher.publish_status(status())
        assert time.monotonic() - started_s < _COMMAND_TIMEOUT_S / 2


def test_a_server_that_is_absent_at_the_start_is_found_later(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The absence is one line with host and port, the arrival another; nothing is lost."""
    caplog.set_level(logging.INFO, "vision.publishing")
    server.stop()
    with publishing_to(server) as running:
        running.publisher.publish(detection(1))
        let_pass(1.0)
        server.restart()
        running.wait_sent()
    assert stream_seqs(server) == [1]
    lines = [record.getMessage() for record in caplog.records]
    away = [line for line in lines if line.startswith("publish.redis_away")]
    assert f"address=127.0.0.1:{server.port}" in away[0]
    assert sum("connection refused" in line for line in away) == 1
    assert any(line.startswith("publish.connected") for line in lines)
    assert server.password not in caplog.text


def test_something_else_on_the_port_does_not_end_the_loop(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a program that is not Redis answers, the publisher waits for the real one."""
    server.stop()
    with socket.create_server(("127.0.0.1", server.port)) as impostor:
        end = threading.Event()

        def answer() -> None:
            while not end.is_set():
                connection, _ = impostor.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b":not a number\r\n")

        answering = threading.Thread(target=answer)
        answering.start()
        with publishing_to(server) as running:
            running.publisher.publish(detection(1))
            wait_until(lambda: "was not understood" in caplog.text, "the complaint")
            end.set()
            answering.join(PATIENCE_S)
            impostor.close()
            server.restart()
            running.wait_sent()
    assert stream_seqs(server) == [1]


def test_draining_sends_what_waits(server: RedisServer) -> None:
    """At the end of the node everything handed over is on Redis."""
    with publishing_to(server) as running:
        for seq in range(1, 3001):
            running.publisher.publish(detection(seq))
        assert running.finish() == 0
        assert running.publisher.depth == 0
    assert stream_seqs(server) == list(range(1, 3001))


def test_draining_without_redis_ends_in_time_and_reports(server: RedisServer) -> None:
    """A node that cannot get rid of its messages says how many and ends all the same."""
    with publishing_to(server) as running:
        running.wait_connected()
        server.kill()
        for seq in range(1, 11):
            running.publisher.publish(detection(seq))
        assert running.finish(drain_s=0.3) == 10
        running.publisher.publish(detection(11))
        assert running.observer.drops == {("front", DropReason.SHUTDOWN): 11}
        assert running.observer.depth == 0
        assert running.observer.connections == [True, False]


def test_states_are_written_again_for_a_server_that_forgot(server: RedisServer) -> None:
    """After Redis came back empty, each camera's hash tells its state again."""
    with publishing_to(server) as running, server.client() as client:
        running.publisher.publish_status(status())
        running.wait_sent()
        client.flushall()
        client.client_kill_filter(_type="normal", skipme=True)
        # Traffic of any camera makes the lost connection known.
        running.publisher.publish(detection(1, camera="yard"))
        wait_until(
            lambda: client.hget("vision:state:{front}", "state") == b"online", "the state again"
        )
