"""The newest-frame slot on Redis: capacity one, fresh, fair, and cheap to keep."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.frames import RUN
from tests.support.redis_server import RedisServer
from tests.support.redis_slot import (
    MAX_AGE_MS,
    PATIENCE_S,
    SkipCounter,
    fresh_frame,
    noise,
    reading_from,
    writer_to,
)
from tests.support.waiting import wait_until
from vision.domain.run_ids import RunIds
from vision.frames.redis_scripts import READY, frame_key, lease_key
from vision.frames.redis_slot import LEASE_MS
from vision.frames.slot import Previous
from vision.resilience.troubles import Troubles

pytestmark = pytest.mark.integration


def test_a_frame_arrives_as_it_was_put(server: RedisServer) -> None:
    """Pixels, description and, to within the time of the exchange, its age."""
    image = noise()
    frame = fresh_frame(image=image)
    with reading_from(server) as reader:
        started_ns = time.monotonic_ns()
        assert writer_to(server).put(frame)
        lease = reader.take_one()
        took_ns = time.monotonic_ns() - started_ns
        meta = lease.frame.meta
        np.testing.assert_array_equal(lease.frame.image, image)
        late_ns = meta.received_mono_ns - frame.meta.received_mono_ns
        assert abs(late_ns) <= took_ns
        assert (meta.id, meta.captured_ns, meta.pts) == (
            frame.meta.id,
            frame.meta.captured_ns,
            frame.meta.pts,
        )
        lease.release()


def test_a_late_reader_sees_the_newest_frame_only(server: RedisServer) -> None:
    """The others are counted by the writer and explained by what the reader is told."""
    skips = SkipCounter()
    writer = writer_to(server, skips)
    for seq in range(1, 5):
        assert writer.put(fresh_frame(seq=seq))
    with server.client() as client:
        assert len(client.keys("vision:frame:*")) == 1
        assert client.zcard(READY) == 1
    with reading_from(server) as reader:
        lease = reader.take_one()
        assert lease.frame.meta.seq == 4
        assert lease.previous == Previous(0, is_empty=False)
        reader.deliver(lease)
        assert writer.put(fresh_frame(seq=6))
        second = reader.take_one()
        assert second.previous == Previous(4, is_empty=False)
        second.release()
    assert skips == {("front", "overtaken"): 3}


def test_a_frame_is_gone_when_it_is_too_old(server: RedisServer) -> None:
    """Redis itself forgets it, and the writer does not send one that is old already."""
    skips, frame = SkipCounter(), fresh_frame()
    age_ms = 0
    writer = writer_to(
        server, skips, mono_ns=lambda: frame.meta.received_mono_ns + age_ms * 1_000_000
    )
    assert writer.put(frame)
    with server.client() as client:
        assert 0 < client.pttl(frame_key("front")) <= MAX_AGE_MS
        age_ms = MAX_AGE_MS - 100
        assert writer.put(replace(frame, meta=replace(frame.meta, seq=frame.meta.seq + 1)))
        assert client.pttl(frame_key("front")) <= 100
        wait_until(lambda: not client.exists(frame_key("front")), "the frame's end")
    with reading_from(server) as reader:
        assert reader.source.take(1, 0.3) == []
    age_ms = MAX_AGE_MS + 1
    skips.clear()
    assert not writer.put(frame)
    assert skips == {("front", "stale"): 1}


def test_the_longest_unserved_camera_comes_first(server: RedisServer) -> None:
    """A camera that puts all the time does not crowd out the others."""
    writer = writer_to(server)
    seqs = dict.fromkeys("abc", 0)

    def put(camera: str) -> None:
        seqs[camera] += 1
        assert writer.put(fresh_frame(camera, seqs[camera]))

    served = []
    with reading_from(server) as reader:
        for camera in seqs:
            put(camera)
        for _ in range(9):
            lease = reader.take_one()
            served.append(lease.frame.meta.camera)
            reader.deliver(lease)
            reader.wait_free()
            for camera in "a", served[-1]:
                put(camera)
    assert served == [*"abc"] * 3


def test_a_waiting_reader_is_woken_at_once(server: RedisServer) -> None:
    """By the frame itself: the reader's one question is answered with it, and no other is asked."""
    frames = 20
    writer = writer_to(server)
    with reading_from(server) as reader, server.client() as client:
        # So long that whoever is not woken asks in vain, and not again.
        reader.source._wait_s = PATIENCE_S / 2
        reader.source._settings = server.settings(command_timeout_s=PATIENCE_S)
        for seq in range(1, frames + 1):
            reader.source.take(1, 0)
            reader.wait_free()
            wait_until(lambda: client.info("clients")["blocked_clients"] == 1, "a waiting reader")
            assert writer.put(fresh_frame(seq=seq))
            reader.deliver(reader.take_one())
        asked = client.info("commandstats")["cmdstat_bzpopmin"]["calls"]
    assert asked == frames


def test_a_waiting_reader_can_be_woken_without_a_frame(server: RedisServer) -> None:
    """At shutdown nobody waits for a camera."""
    with reading_from(server) as reader:
        reader.source.wake()
        started_s = time.monotonic()
        assert reader.source.take(1, PATIENCE_S) == []
        assert time.monotonic() - started_s < PATIENCE_S / 2


def test_a_camera_has_one_frame_under_way(server: RedisServer) -> None:
    """Its next one can be taken only once the first one's message is settled."""
    writer = writer_to(server)
    with reading_from(server) as reader, reading_from(server) as other:
        assert writer.put(fresh_frame(seq=1))
        first = reader.take_one()
        ack = reader.source.hand_over("front", f"{RUN}-1", is_empty=False)
        first.release()
        assert writer.put(fresh_frame(seq=2))
        # Longer than the lease: it is renewed.
        assert other.source.take(1, 2 * LEASE_MS / 1000) == []
        ack()
        second = other.take_one()
        assert second.frame.meta.seq == 2
        second.release()


def test_a_frame_that_nobody_tells_of_is_explained_by_the_next(server: RedisServer) -> None:
    """Released without a message, by any reader: the next message's `skipped` counts it."""
    writer = writer_to(server)
    with reading_from(server) as reader, reading_from(server) as other:
        assert writer.put(fresh_frame(seq=1))
        reader.deliver(reader.take_one(), is_empty=True)
        reader.wait_free()
        assert writer.put(fresh_frame(seq=2))
        reader.take_one().release()
        reader.wait_free()
        assert writer.put(fresh_frame(seq=3))
        third = other.take_one()
        assert third.previous == Previous(1, is_empty=True)
        third.release()


def test_a_new_run_starts_from_nothing(server: RedisServer) -> None:
    """What was before it is no business of its messages."""
    writer = writer_to(server)
    with reading_from(server) as reader:
        assert writer.put(fresh_frame(seq=9))
        reader.deliver(reader.take_one())
        assert writer.put(fresh_frame(seq=2, run=RUN + 1))
        lease = reader.take_one()
        assert lease.previous == Previous(0, is_empty=False)
        lease.release()
    runs = RunIds(utc_ns=lambda: 0)
    writer_to(server, runs=runs).learn("front")
    assert runs.next("front") == RUN + 2


def test_a_frame_is_not_put_twice(server: RedisServer) -> None:
    """Nor one older than what the slot has seen, waiting or taken."""
    skips = SkipCounter()
    writer = writer_to(server, skips)
    assert writer.put(fresh_frame(seq=2))
    assert not writer.put(fresh_frame(seq=2))
    with reading_from(server) as reader:
        reader.deliver(reader.take_one())
        reader.wait_free()
        assert not writer.put(fresh_frame(seq=1))
        assert not writer.put(fresh_frame(seq=9, run=RUN - 1))
    assert skips == {("front", "outrun"): 3}


def test_a_camera_that_is_outrun_is_a_reason_until_its_frames_are_taken(
    server: RedisServer,
) -> None:
    """Its ingest runs, and no frame of it is ever inferred: nobody may call that healthy."""
    troubles = Troubles()
    writer = writer_to(server, troubles=troubles)
    assert writer.put(fresh_frame(seq=1, run=RUN))
    for seq in (2, 3):
        assert not writer.put(fresh_frame(seq=seq, run=RUN - 1))
    (reason,) = troubles.reasons()
    assert reason.startswith("Redis takes no frames of front: ")
    assert writer.put(fresh_frame(seq=1, run=RUN + 1))
    wait_until(lambda: troubles.reasons() == (), "the end of it")


def test_bytes_that_are_no_frame_do_no_harm(server: RedisServer) -> None:
    """Another version's frame is passed over; the camera goes on."""
    writer = writer_to(server)
    assert writer.put(fresh_frame(seq=1))
    with server.client() as client:
        client.set(frame_key("front"), b"from another version", px=60_000)
    with reading_from(server) as reader:
        reader.source.take(1, 0)
        with server.client() as client:
            wait_until(lambda: not client.exists(frame_key("front"), lease_key("front")), "the end")
        assert writer.put(fresh_frame(seq=2))
        lease = reader.take_one()
        assert lease.previous == Previous(0, is_empty=False)
        lease.release()


def test_pixels_are_not_written_to_disk(server: RedisServer, tmp_path: Path) -> None:
    """The append-only file is for messages, not for a video of the house."""
    writer = writer_to(server)
    image = noise(360, 640)
    with reading_from(server) as reader:
        for seq in range(1, 21):
            assert writer.put(fresh_frame(seq=seq, image=image))
            reader.deliver(reader.take_one())
    written = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert written < image.size


def test_nothing_but_small_state_is_left(server: RedisServer) -> None:
    """After the last frame the slot holds a few numbers per camera."""
    writer = writer_to(server)
    with reading_from(server) as reader:
        assert writer.put(fresh_frame(image=noise(360, 640)))
        reader.deliver(reader.take_one())
    with server.client() as client:
        assert client.keys("*") == [b"vision:frame-state:{front}"]
        assert (client.memory_usage("vision:frame-state:{front}") or 0) < 1000
