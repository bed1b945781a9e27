"""Messages that wait on the disk: the next start of the node sends them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.messages import RUN, detection, status
from tests.support.publishing import let_pass, publishing_to, stream_payloads, stream_seqs
from tests.support.redis_server import RedisServer
from tests.support.spooling import FILE, away, rows_on, size_on, spooling
from tests.support.waiting import wait_until
from vision.domain.losses import DropReason
from vision.publishing.keys import Kind
from vision.publishing.writing.spool import _ROW_BYTES

pytestmark = pytest.mark.integration

# Publishes while Redis is away and is killed: what a node would have said until then.
_KILLED_NODE = """
import os, signal, sys, threading
from pathlib import Path
from tests.support.messages import detection, status
from tests.support.publishing import RunningPublisher
from tests.support.waiting import wait_until
from vision.config.core import PublishingSettings, RedisSettings

url, folder, first, last = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
row_bytes = int(sys.argv[5])
running = RunningPublisher(
    RedisSettings(url=url), lambda: None, PublishingSettings(spool_dir=folder)
)
found_bytes = running.publisher.spool_bytes
running.start()
said = [running.publisher.publish_status(status(reason=f"from {first}"))]
for seq in range(first, last + 1):
    said.append(running.publisher.publish(detection(seq)))
    said.append(running.publisher.publish(detection(seq, camera="yard")))
all_bytes = found_bytes + sum(len(payload) + row_bytes for payload in said)
wait_until(lambda: running.publisher.spool_bytes == all_bytes, "all of them on the disk")
print("kept", flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_waits_at_shutdown_is_sent_by_the_next_start(
    server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In order, before anything new, with the original bytes; and never to the live channel."""
    with publishing_to(server, spooling(tmp_path)) as running:
        payloads = [running.publisher.publish(detection(seq)) for seq in range(1, 4)]
        running.wait_sent()
    with away(server, spooling(tmp_path)) as running:
        payloads += [running.publisher.publish(detection(seq)) for seq in range(4, 9)]
        states = [running.publisher.publish_status(status(reason=word)) for word in "abc"]
        assert running.finish(drain_s=0.2) == 0
        assert not running.observer.drops
    assert "publish.spooled messages=8" in caplog.text
    assert rows_on(tmp_path) == 8
    server.restart()
    with publishing_to(server, spooling(tmp_path)) as running:
        payloads += [running.publisher.publish(detection(seq)) for seq in range(9, 12)]
        states.append(running.publisher.publish_status(status(reason="d")))
        running.wait_sent()
        assert not running.observer.drops
    assert list(stream_payloads(server).values()) == payloads
    assert list(stream_payloads(server, kind=Kind.STATUS).values()) == states
    assert stream_seqs(server) == list(range(1, 12))
    assert rows_on(tmp_path) == 0


def test_kill_9_in_an_outage_loses_nothing_that_waited(server: RedisServer, tmp_path: Path) -> None:
    """Two nodes in a row are killed while Redis is away; the third sends what all three said."""
    url = f"redis://127.0.0.1:{server.port}/0"
    server.stop()
    for first, last in ((1, 300), (301, 600)):
        with subprocess.Popen(
            [
                *(sys.executable, "-c", _KILLED_NODE, url, str(tmp_path)),
                *map(str, (first, last, _ROW_BYTES)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[4],
        ) as node:
            assert node.stdout is not None
            assert node.stdout.readline() == b"kept\n"
            assert node.stdin is not None
            node.stdin.write(b"\n")
            node.stdin.flush()
            assert node.wait(30) == -signal.SIGKILL
    server.restart()
    with publishing_to(server, spooling(tmp_path)) as running:
        running.publisher.publish(detection(601))
        running.wait_sent()
        assert not running.observer.drops
    assert stream_seqs(server) == list(range(1, 602))
    assert stream_seqs(server, "yard") == list(range(1, 601))
    states = stream_payloads(server, kind=Kind.STATUS).values()
    assert [json.loads(payload)["reason"] for payload in states] == ["from 1", "from 301"]


def test_what_was_sent_already_is_not_doubled(server: RedisServer, tmp_path: Path) -> None:
    """Rows that a dead node had no time to remove are refused by their ids."""
    with away(server, spooling(tmp_path)) as running:
        for seq in range(1, 6):
            running.publisher.publish(detection(seq))
        running.finish(drain_s=0.0)
    kept = (tmp_path / FILE).read_bytes()
    server.restart()
    for _ in range(2):
        (tmp_path / FILE).write_bytes(kept)
        with publishing_to(server, spooling(tmp_path)) as running:
            running.wait_sent()
            assert not running.observer.drops
    assert stream_seqs(server) == list(range(1, 6))


def test_a_run_after_an_outage_is_above_what_waits(server: RedisServer, tmp_path: Path) -> None:
    """A clock that went back between two starts does not shut anything out of the stream."""
    with away(server, spooling(tmp_path)) as running:
        running.publisher.publish(detection(1, run=RUN + 5_000))
        running.finish(drain_s=0.0)
    with publishing_to(server, spooling(tmp_path)) as running:
        assert running.publisher.last_stream_runs(["front", "yard"]) == {"front": RUN + 5_000}


def test_nothing_touches_the_disk_while_redis_takes_all(
    server: RedisServer, tmp_path: Path
) -> None:
    """The file of a node whose Redis is there does not change."""
    with publishing_to(server, spooling(tmp_path)) as running:
        running.wait_connected()
        before = size_on(tmp_path)
        for seq in range(1, 501):
            running.publisher.publish(detection(seq))
            let_pass(0.001)
        running.wait_sent()
        assert size_on(tmp_path) == before
    assert rows_on(tmp_path) == 0


def test_messages_of_a_refused_stream_wait_on_the_disk_too(
    server: RedisServer, tmp_path: Path
) -> None:
    """Redis is there, one stream is not taken for longer than a moment: those survive as well."""
    with publishing_to(server, spooling(tmp_path)) as running, server.client() as client:
        client.set("vision:detections:{front}", "not a stream")
        for seq in range(1, 4):
            running.publisher.publish(detection(seq))
        before = size_on(tmp_path)
        wait_until(lambda: size_on(tmp_path) > before, "the messages on the disk")
        client.delete("vision:detections:{front}")
        running.wait_sent()
    assert stream_seqs(server) == [1, 2, 3]
    assert rows_on(tmp_path) == 0


def test_the_bound_drops_the_oldest_and_the_next_start_tells(
    server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What had no room is counted as lost per camera, and accounted for in `skipped`."""
    with away(server, spooling(tmp_path, spool_max_mib=1)) as running:
        for seq in range(1, 3001):
            running.publisher.publish(detection(seq))
        running.finish(drain_s=0.2)
    assert "spool.trimmed" in caplog.text
    assert size_on(tmp_path) < 3 * 1024 * 1024
    server.restart()
    with publishing_to(server, spooling(tmp_path, spool_max_mib=1)) as running:
        running.wait_sent()
        lost = running.observer.drops["front", DropReason.OVERFLOW]
        assert sum(running.observer.drops.values()) == lost
    assert 500 < lost < 2500
    # stream_seqs checks that `skipped` of the first explains what is missing before it.
    assert stream_seqs(server) == list(range(lost + 1, 3001))


def test_an_overflow_in_memory_is_accounted_for_after_a_restart(
    server: RedisServer, tmp_path: Path
) -> None:
    """What was dropped before the restart is explained by the first message after it."""
    with away(server, spooling(tmp_path, outbox_messages=100)) as running:
        for seq in range(1, 251):
            running.publisher.publish(detection(seq))
            if seq % 50 == 0:
                let_pass(0.3)
        assert running.observer.drops["front", DropReason.OVERFLOW] == 150
        running.finish(drain_s=0.2)
    server.restart()
    with publishing_to(server, spooling(tmp_path, outbox_messages=100)) as running:
        running.wait_sent()
    assert stream_seqs(server) == list(range(151, 251))
