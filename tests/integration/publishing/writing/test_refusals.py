"""Redis answers, but with an error: what waits, what is lost, and who is told.

Cameras go on while nothing is taken (``wait_for``), which they could not if handing a message over
waited for Redis.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from tests.support.logs import log_lines
from tests.support.messages import RUN, detection, status
from tests.support.publishing import (
    SteadyCameras,
    publishing_to,
    stream_payloads,
    stream_seqs,
)
from tests.support.raw_redis import RawSubscriber
from tests.support.redis_processes import PlainServer, RedisProcesses, free_ports, wait_for_port
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from vision.domain.losses import DropReason
from vision.publishing.keys import Kind

pytestmark = pytest.mark.integration
_KEY = "vision:detections:{front}"
_FAR_AHEAD = f"{RUN + 10**12}-1"


def test_a_refused_camera_holds_up_no_other(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A key of the wrong type stops its own camera only, until somebody removes it."""
    with publishing_to(server) as running, server.client() as client:
        client.set(_KEY, "not a stream")
        for seq in range(1, 11):
            running.publisher.publish(detection(seq))
            running.publisher.publish(detection(seq, camera="yard"))
        wait_until(lambda: running.publisher.depth == 10, "the other camera's messages")
        assert stream_seqs(server, "yard") == list(range(1, 11))
        client.delete(_KEY)
        running.wait_sent()
        assert not running.observer.drops
    assert stream_seqs(server) == list(range(1, 11))
    (line,) = log_lines(caplog, "publish.held")
    assert line.startswith(f"publish.held stream={_KEY} code=WRONGTYPE")


def test_a_server_that_cannot_write_its_disk_gets_all_later(
    server: RedisServer, tmp_path: Path
) -> None:
    """MISCONF, while snapshots fail, is waited for like a lack of memory."""
    with publishing_to(server) as running, server.client() as client:
        running.wait_connected()
        # A folder in the place of the file: no snapshot can be written.
        snapshot = tmp_path / "redis" / "dump.rdb"
        snapshot.unlink(missing_ok=True)
        snapshot.mkdir()
        client.config_set("save", "3600 1")
        client.set("changed", "1")
        client.bgsave()
        wait_until(
            lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", "a failure"
        )
        cameras = SteadyCameras(running)
        cameras.wait_for(more=100)
        assert running.observer.messages == 0
        client.config_set("stop-writes-on-bgsave-error", "no")
        cameras.finish()
        running.wait_sent()
        assert not running.observer.drops
        snapshot.rmdir()
    cameras.assert_all_on(server)


def test_a_server_that_was_made_a_replica_is_left_until_it_is_none(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """READONLY ends the connection: behind a name, another server may be the primary by now."""
    with publishing_to(server) as running, server.client() as client:
        running.wait_connected()
        # Nobody is at that address: what it has, it keeps.
        client.replicaof("127.0.0.1", "1")
        cameras = SteadyCameras(running)
        running.wait_away()
        cameras.wait_for(more=100)
        client.replicaof("NO", "ONE")
        running.wait_connected()
        cameras.finish()
        running.wait_sent()
        assert not running.observer.drops
        # It did not come and go meanwhile, as a server that answers every PING might.
        assert running.observer.connections == [True, False, True]
    cameras.assert_all_on(server)
    assert "reason=it is a read-only replica" in caplog.text


def test_a_server_with_too_many_clients_is_waited_for(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that is refused at the door is told in words and tried again."""
    with server.client() as client:
        client.ping()
        # Itself and the subscriber of the test: nobody else gets in.
        client.config_set("maxclients", "1")
        with publishing_to(server) as running:
            cameras = SteadyCameras(running)
            cameras.wait_for(more=100)
            assert not running.publisher.connected
            client.config_set("maxclients", "100")
            cameras.finish()
            running.wait_sent()
            assert not running.observer.drops
    cameras.assert_all_on(server)
    assert "reason=it has too many clients" in caplog.text


def test_a_server_that_loads_its_data_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """LOADING is told apart from a server that is away; nothing is lost meanwhile."""
    (port,) = free_ports(1)
    slow = PlainServer(port, "a-secret")
    with RedisProcesses(tmp_path) as processes:
        process = processes.start(
            "slow",
            port,
            f"port {port}",
            f"requirepass {slow.password}",
            "appendonly yes",
            "appendfsync always",
            # A pause after each key that is loaded: a data set of gigabytes in small.
            "key-load-delay 5000",
            "loading-process-events-interval-bytes 1024",
        )
        wait_for_port(port, slow.password)
        with redis.Redis(port=port, password=slow.password, protocol=2) as client:
            for number in range(400):
                client.set(f"ballast-{number}", "x" * 2_000)
            client.bgrewriteaof()
            wait_until(
                lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0, "the file"
            )
        with publishing_to(slow) as running:
            cameras = SteadyCameras(running)
            cameras.wait_for(more=20)
            process.kill()
            process.restart()
            wait_until(lambda: "it is still loading its data" in caplog.text, "the word on it")
            cameras.wait_for(more=20)
            running.wait_connected()
            cameras.finish()
            running.wait_sent()
            assert not running.observer.drops
        cameras.assert_all_on(slow)


def test_a_stream_that_is_ahead_is_a_loss_that_shows(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever may not raise a run loses what is refused: counted, logged once, and not live."""
    with (
        server.client() as client,
        RawSubscriber(server, _KEY) as live,
        publishing_to(server) as running,
    ):
        client.xadd(_KEY, {"message": "of another run"}, id=_FAR_AHEAD)
        for seq in range(1, 6):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        taken = running.publisher.publish(detection(1, run=RUN + 2 * 10**12))
        assert live.next_payload() == taken
        wait_until(lambda: sum(running.observer.drops.values()) == 5, "the count")
        assert running.observer.drops == {("front", DropReason.REFUSED_ID): 5}
        # It is heard before the publisher has the answer.
        wait_until(lambda: running.observer.messages > 0, "the message")
        assert running.observer.messages == 1
        assert list(stream_payloads(server))[:-1] == [_FAR_AHEAD]
        assert running.publisher.last_stream_runs(["front", "yard"]) == {"front": RUN + 2 * 10**12}
    assert len(log_lines(caplog, "publish.lost")) == 1


def test_a_message_that_is_there_already_counts_as_delivered(server: RedisServer) -> None:
    """The same id on the stream is the same message: no loss and no second entry."""
    with server.client() as client, publishing_to(server) as running:
        client.xadd(_KEY, {"message": "first"}, id=f"{RUN}-1")
        running.publisher.publish(detection(1))
        running.wait_sent()
        wait_until(lambda: running.observer.messages == 1, "the confirmation")
        assert not running.observer.drops
    assert list(stream_payloads(server)) == [f"{RUN}-1"]


def test_a_status_is_kept_even_when_the_clock_went_back(server: RedisServer) -> None:
    """A status means something at any id: behind the newest entry it gets the next one."""
    with server.client() as client, publishing_to(server) as running:
        client.xadd("vision:status:{front}", {"message": "of another run"}, id="9999999999999-1")
        payloads = [
            running.publisher.publish_status(status(reason=reason)) for reason in ("a", "b")
        ]
        running.wait_sent()
        assert not running.observer.drops
    assert list(stream_payloads(server, kind=Kind.STATUS).values())[1:] == payloads


def test_the_newest_runs_are_known_at_the_start(server: RedisServer) -> None:
    """A new run can be chosen above the last one of each stream; without Redis there is none."""
    with publishing_to(server) as running:
        running.publisher.publish(detection(1, run=1000))
        running.publisher.publish(detection(1, run=2000))
        running.wait_sent()
        assert running.publisher.last_stream_runs(["front", "yard"]) == {"front": 2000}
        server.stop()
        assert running.publisher.last_stream_runs(["front", "yard"]) == {}
