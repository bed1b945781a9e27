"""A stream that is ahead of its camera's run: the run goes by a greater number, nothing is lost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.logs import log_lines
from tests.support.messages import RUN, detection, status
from tests.support.publishing import publishing_to, stream_payloads
from tests.support.raw_redis import RawSubscriber
from tests.support.redis_server import RedisServer
from tests.support.spooling import away, spooling
from tests.support.waiting import wait_until
from vision.domain.losses import DropReason
from vision.domain.run_ids import RunIds
from vision.publishing.encoding import decode_detections
from vision.publishing.keys import Kind

pytestmark = pytest.mark.integration
_KEY = "vision:detections:{front}"
_AHEAD = RUN + 3_600_000


def _leave_ahead(server: RedisServer) -> None:
    """What an earlier run left whose clock was an hour ahead of what it is now."""
    with server.client() as client:
        client.xadd(_KEY, {"message": "of the last run"}, id=f"{_AHEAD}-77")


def _numbers(server: RedisServer) -> list[tuple[int, int]]:
    """Run and number of the messages after the first, each checked against the one before."""
    found: list[tuple[int, int]] = []
    for stream_id, payload in list(stream_payloads(server).items())[1:]:
        message = decode_detections(payload)
        assert stream_id == message.stream_id
        assert message.id == f"{message.camera}:{stream_id}"
        run = int(message.run)
        told = found[-1][1] if found and found[-1][0] == run else 0
        assert message.seq == told + 1 + message.skipped
        found.append((run, message.seq))
    return found


def test_redis_comes_after_the_node_with_a_newer_stream(server: RedisServer) -> None:
    """All that waited and all that comes is on the stream, in order, under a greater run."""
    _leave_ahead(server)
    server.stop()
    runs = RunIds(utc_ns=lambda: RUN * 1_000_000)
    assert runs.next("front") == RUN
    with publishing_to(server, runs=runs) as running:
        running.publisher.publish_status(status())
        for seq in range(1, 301):
            running.publisher.publish(detection(seq))
        server.restart()
        running.wait_sent()
        for seq in range(301, 401):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        assert not running.observer.drops
        # The state is said once more, by the run that messages have now.
        states = [json.loads(said) for said in stream_payloads(server, kind=Kind.STATUS).values()]
        assert [int(state["run"]) for state in states] == [RUN, _AHEAD + 1]
        with server.client() as client:
            assert client.hget("vision:state:{front}", "run") == b"%d" % (_AHEAD + 1)
    assert _numbers(server) == [(_AHEAD + 1, seq) for seq in range(1, 401)]
    assert runs.next("front") > _AHEAD + 1


def test_several_runs_that_wait_keep_their_order(server: RedisServer) -> None:
    """A worker was replaced while Redis was away: both its runs come above the stream."""
    _leave_ahead(server)
    server.stop()
    runs = RunIds(utc_ns=lambda: RUN * 1_000_000)
    first, second = runs.next("front"), runs.next("front")
    with publishing_to(server, runs=runs) as running:
        for run in (first, second):
            for seq in range(1, 21):
                running.publisher.publish(detection(seq, run=run))
        server.restart()
        running.wait_sent()
        assert not running.observer.drops
    numbers = _numbers(server)
    assert [seq for _, seq in numbers] == [*range(1, 21), *range(1, 21)]
    assert len({run for run, _ in numbers}) == 2
    assert numbers == sorted(numbers)


def test_a_stream_that_jumped_ahead_meanwhile_is_caught_up_with(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A backup that was put back on the same connection: the run goes on above it, from 1."""
    runs = RunIds(utc_ns=lambda: RUN * 1_000_000)
    runs.next("front")
    with RawSubscriber(server, _KEY) as live, publishing_to(server, runs=runs) as running:
        heard = [running.publisher.publish(detection(seq)) for seq in range(1, 11)]
        running.wait_sent()
        assert live.payloads_until(heard[-1]) == heard
        with server.client() as client:
            client.delete(_KEY)
        _leave_ahead(server)
        for seq in range(11, 21):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        assert not running.observer.drops
        last = running.publisher.publish(detection(21))
        heard = live.payloads_until(last)
    numbers = _numbers(server)
    assert numbers == [(_AHEAD + 1, seq) for seq in range(1, 12)]
    on_stream = list(stream_payloads(server).values())
    assert heard == on_stream[-len(heard) :]
    (line,) = log_lines(caplog, "publish.run_raised")
    assert f"raised={_AHEAD + 1}" in line


@contextmanager
def _another_node(server: RedisServer) -> Iterator[None]:
    """Somebody else serves the camera, with a greater run."""
    ended = threading.Event()

    def write() -> None:
        with server.client() as client:
            seq = 0
            while not ended.wait(0.05):
                seq += 1
                client.xadd(_KEY, {"message": "of another node"}, id=f"{_AHEAD}-{seq}")

    writing = threading.Thread(target=write)
    writing.start()
    try:
        yield
    finally:
        ended.set()
        writing.join()


def test_two_nodes_do_not_overtake_each_other(server: RedisServer) -> None:
    """Whoever finds that another one writes stays out, live too, until that one has ended."""
    runs = RunIds(utc_ns=lambda: RUN * 1_000_000)
    runs.next("front")
    with RawSubscriber(server, _KEY) as live, publishing_to(server, runs=runs) as running:
        with _another_node(server):
            wait_until(lambda: bool(stream_payloads(server)), "the other node's messages")
            seq = 0

            def refused() -> bool:
                nonlocal seq
                seq += 1
                running.publisher.publish(detection(seq))
                return running.observer.drops["front", DropReason.REFUSED_ID] >= 20

            wait_until(refused, "messages to be refused")
        running.wait_sent()
        last = running.publisher.publish(detection(seq + 1))
        running.wait_sent()
        on_stream = list(stream_payloads(server).values())
        ours = [payload for payload in on_stream if payload != b"of another node"]
        # Together at the end: nothing got in between those of the other node.
        assert on_stream[-len(ours) :] == ours
        assert decode_detections(ours[-1]).time == decode_detections(last).time
        marker = running.publisher.publish(detection(seq + 2))
        running.wait_sent()
        heard = live.payloads_until(list(stream_payloads(server).values())[-1])
    assert decode_detections(heard[-1]).time == decode_detections(marker).time
    assert {decode_detections(payload).run for payload in heard} == {str(_AHEAD + 1)}


def test_what_waits_on_the_disk_goes_above_the_stream(server: RedisServer, tmp_path: Path) -> None:
    """A node that starts with a spool, its clock behind the last run, loses nothing of it."""
    _leave_ahead(server)
    runs = RunIds(utc_ns=lambda: RUN * 1_000_000)
    run = runs.next("front")
    with away(server, spooling(tmp_path)) as running:
        for seq in range(1, 11):
            running.publisher.publish(detection(seq, run=run))
        running.finish(drain_s=0.0)
    server.restart()
    run = runs.next("front")
    with publishing_to(server, spooling(tmp_path), runs=runs) as running:
        for seq in range(1, 6):
            running.publisher.publish(detection(seq, run=run))
        running.wait_sent()
        assert not running.observer.drops
    numbers = _numbers(server)
    assert [seq for _, seq in numbers] == [*range(1, 11), *range(1, 6)]
    assert numbers == sorted(numbers)


def test_a_stranger_who_counts_on_from_our_ids_costs_nothing(server: RedisServer) -> None:
    """Where the clock of the node is ahead of that of Redis, ``XADD *`` takes the next of our ids."""
    future = (time.time_ns() + 3_600_000_000_000) // 1_000_000
    runs = RunIds(utc_ns=lambda: future * 1_000_000)
    assert runs.next("front") == future
    with publishing_to(server, runs=runs) as running:
        for seq in (1, 2):
            running.publisher.publish(detection(seq, run=future))
        running.wait_sent()
        with server.client() as client:
            taken = [client.xadd(_KEY, {"message": "a stranger's"}) for _ in range(3)]
        assert taken == [f"{future}-{seq}".encode() for seq in (3, 4, 5)]
        for seq in range(3, 11):
            running.publisher.publish(detection(seq, run=future))
        running.wait_sent()
        assert not running.observer.drops
    ours = [
        decode_detections(payload)
        for payload in stream_payloads(server).values()
        if payload != b"a stranger's"
    ]
    assert [(int(one.run), one.seq, one.skipped) for one in ours] == [
        *((future, seq, 0) for seq in (1, 2)),
        *((future + 1, seq, 0) for seq in range(1, 9)),
    ]
