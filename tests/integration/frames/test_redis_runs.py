"""Frames whose Redis is ahead of them, or forgot them: their runs go by greater numbers there."""

from __future__ import annotations

import itertools

import pytest

from tests.support.frames import RUN
from tests.support.logs import log_lines
from tests.support.redis_server import RedisServer
from tests.support.redis_slot import SkipCounter, fresh_frame, reading_from, writer_to
from tests.support.waiting import wait_until
from vision.domain.run_ids import RunIds
from vision.frames.redis_scripts import READY, detections_key, state_key
from vision.frames.slot import Previous
from vision.publishing.keys import Kind, StreamKey

pytestmark = pytest.mark.integration
_AHEAD = RUN + 3_600_000


def _runs() -> RunIds:
    return RunIds(utc_ns=lambda: RUN * 1_000_000)


def test_the_stream_of_a_camera_is_where_messages_are_published() -> None:
    """The slot looks at it without knowing the publisher."""
    assert detections_key("front") == str(StreamKey(Kind.DETECTIONS, "front"))


@pytest.mark.parametrize("ahead", ["slot", "stream"])
def test_redis_comes_after_the_ingest_and_is_ahead(server: RedisServer, ahead: str) -> None:
    """The first frame that is put goes by a run above all that Redis knows."""
    with server.client() as client:
        if ahead == "slot":
            client.hset(state_key("front"), mapping={"run": _AHEAD, "seq": 7, "empty": 0})
        else:
            client.xadd(detections_key("front"), {"message": "{}"}, id=f"{_AHEAD}-7")
    server.stop()
    skips, runs = SkipCounter(), _runs()
    run = runs.next("front")
    writer = writer_to(server, skips, runs=runs)
    assert not writer.put(fresh_frame(seq=1, run=run))
    server.restart()
    numbers = itertools.count(2)
    wait_until(lambda: writer.put(fresh_frame(seq=next(numbers), run=run)), "a frame to be taken")
    assert not skips["front", "outrun"]
    with reading_from(server) as reader:
        lease = reader.take_one()
        assert lease.frame.meta.run == _AHEAD + 1
        # Those that found no Redis are skipped frames of this run.
        assert lease.frame.meta.seq == next(numbers) - 1
        assert lease.previous == Previous(0, is_empty=False)
        lease.release()
    assert runs.next("front") > _AHEAD + 1


def test_an_empty_redis_begins_a_new_run(server: RedisServer) -> None:
    """After all data is lost the next message claims no frame that was told of."""
    runs = _runs()
    run = runs.next("front")
    writer = writer_to(server, runs=runs)
    with reading_from(server) as reader, server.client() as client:
        for seq in range(1, 6):
            assert writer.put(fresh_frame(seq=seq, run=run))
            reader.deliver(reader.take_one())
            reader.wait_free()
        client.flushall()
        assert writer.put(fresh_frame(seq=7, run=run))
        lease = reader.take_one()
        assert lease.frame.meta.run == run + 1
        assert lease.previous == Previous(0, is_empty=False)
        # Frame 6 was not put: it alone is skipped.
        assert lease.frame.meta.seq == 2
        reader.deliver(lease)
        reader.wait_free()
        assert writer.put(fresh_frame(seq=8, run=run))
        lease = reader.take_one()
        assert (lease.frame.meta.run, lease.frame.meta.seq) == (run + 1, 3)
        assert lease.previous == Previous(2, is_empty=False)
        lease.release()


def test_an_older_account_begins_a_new_run(server: RedisServer) -> None:
    """A crash took the last seconds: what was told of then is not counted as skipped."""
    runs = _runs()
    run = runs.next("front")
    writer = writer_to(server, runs=runs)
    with reading_from(server) as reader:
        for seq in range(1, 4):
            if seq == 2:
                with server.client() as client:
                    client.config_set("appendonly", "no")
            assert writer.put(fresh_frame(seq=seq, run=run))
            reader.deliver(reader.take_one())
            reader.wait_free()
        server.kill()
        server.restart()
        numbers = itertools.count(4)
        wait_until(lambda: writer.put(fresh_frame(seq=next(numbers), run=run)), "the writer")
        lease = reader.take_one()
        assert lease.frame.meta.run == run + 1
        assert lease.previous == Previous(0, is_empty=False)
        lease.release()


def test_a_restart_that_forgets_nothing_keeps_the_run(server: RedisServer) -> None:
    """The account is on the disk: each gap is explained over the restart."""
    runs = _runs()
    run = runs.next("front")
    writer = writer_to(server, runs=runs)
    with reading_from(server) as reader:
        for seq in (1, 2):
            assert writer.put(fresh_frame(seq=seq, run=run))
            reader.deliver(reader.take_one())
            reader.wait_free()
        server.stop()
        server.restart()
        numbers = itertools.count(3)
        wait_until(lambda: writer.put(fresh_frame(seq=next(numbers), run=run)), "the writer")
        lease = reader.take_one()
        assert lease.frame.meta.run == run
        assert lease.previous == Previous(2, is_empty=False)
        lease.release()


def test_two_ingests_do_not_overtake_each_other(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The one that is outrun stays out while the other puts frames, and takes over at its end."""
    skips, runs = SkipCounter(), _runs()
    run = runs.next("front")
    writer, other = writer_to(server, skips, runs=runs), writer_to(server)
    numbers, others = itertools.count(1), itertools.count(1)
    assert writer.put(fresh_frame(seq=next(numbers), run=run))

    def outrun() -> bool:
        assert other.put(fresh_frame(seq=next(others), run=_AHEAD))
        assert not writer.put(fresh_frame(seq=next(numbers), run=run))
        return skips["front", "outrun"] >= 200

    wait_until(outrun, "frames to be refused")
    other.close()
    wait_until(lambda: writer.put(fresh_frame(seq=next(numbers), run=run)), "the end of the other")
    (line,) = log_lines(caplog, "frames.run_raised")
    assert f"raised={_AHEAD + 1}" in line


def test_frames_go_on_at_the_limit_of_memory(server: RedisServer) -> None:
    """Without them there would be no messages, and nothing would let old ones make way."""
    writer = writer_to(server)
    with reading_from(server) as reader, server.client() as client:
        client.config_set("maxmemory", "1")
        for seq in range(1, 6):
            assert writer.put(fresh_frame(seq=seq))
            assert client.zcard(READY) <= 1
            lease = reader.take_one()
            assert lease.frame.meta.seq == seq
            assert lease.previous == Previous(seq - 1, is_empty=seq == 5)
            reader.deliver(lease, is_empty=seq == 4)
            reader.wait_free()
        client.config_set("maxmemory", "0")
