"""Frames cross a process border whole, and buffers come back."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.frames import frame
from tests.support.waiting import wait_until
from vision.domain.frame import ClockSource, Frame, FrameMeta
from vision.frames.frame_descriptor import FrameReady, pack, unpack
from vision.frames.shared_memory import (
    BUFFERS,
    SharedFrameLease,
    SharedFrameReader,
    SharedFrameWriter,
    WriterSide,
    shared_slot,
)


def pair(long_side: int = 64) -> tuple[SharedFrameWriter, SharedFrameReader]:
    """A writer and a reader in one process."""
    reader, side = shared_slot("front", long_side)
    return side.open(), reader


def newest(reader: SharedFrameReader) -> SharedFrameLease:
    """The newest frame, which there is."""
    lease, _ = reader.newest()
    assert lease is not None
    return lease


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"pts": None, "clock_offset_ms": None, "clock": ClockSource.ARRIVAL},
        {"pts": -1, "clock_offset_ms": -86_400_000.5, "gated": 2**40, "refresh_s": 10.5},
        {"width": 65_536, "height": 2, "time_base": (1001, 60_000)},
    ],
)
def test_an_announcement_says_all_there_is_to_say(changed: dict[str, object]) -> None:
    """Each field, also where there is none."""
    meta: FrameMeta = replace(frame("front", 7).meta, **changed)  # type: ignore[arg-type]
    ready = FrameReady(meta, BUFFERS - 1, (960, 640))
    assert unpack("front", pack(ready)) == ready


def test_pixels_arrive_as_they_were_written() -> None:
    """Pictures of several sizes keep their shape, meta and pixels."""
    writer, reader = pair()
    rng = np.random.default_rng(1)
    for seq, (height, width) in enumerate([(96, 64), (54, 64), (96, 2), (3, 64)], start=1):
        put = frame("front", seq, rng.integers(0, 255, (height, width), np.uint8))
        assert writer.put(put)
        lease = newest(reader)
        assert lease.frame.meta == put.meta
        np.testing.assert_array_equal(lease.frame.image, put.image)
        lease.release()


def test_a_frame_that_is_held_is_never_written_over() -> None:
    """When the reader holds every buffer the writer skips, and goes on once one is back."""
    writer, reader = pair()
    leases = []
    for seq in range(1, BUFFERS + 1):
        assert writer.put(frame("front", seq, np.full((12, 8), seq, np.uint8)))
        leases.append(newest(reader))
    assert not writer.put(frame("front", 99, np.full((12, 8), 99, np.uint8)))
    assert [int(lease.frame.image.max()) for lease in leases] == list(range(1, BUFFERS + 1))
    leases[2].release()
    assert writer.put(frame("front", 100, np.full((12, 8), 100, np.uint8)))


def test_what_is_overtaken_goes_back_at_once() -> None:
    """All announcements are read together: the newest is kept, the buffers of others are free."""
    writer, reader = pair()
    for seq in range(1, BUFFERS + 1):
        assert writer.put(frame("front", seq))
    lease, overtaken = reader.newest()
    assert lease is not None
    assert (lease.frame.meta.seq, overtaken) == (BUFFERS, BUFFERS - 1)
    assert reader.newest() == (None, 0)
    assert sum(writer.put(frame("front", 99)) for _ in range(2 * BUFFERS)) == BUFFERS - 1


def test_releasing_twice_frees_once() -> None:
    """A buffer with two owners would mix two pictures."""
    writer, reader = pair()
    writer.put(frame())
    lease = newest(reader)
    lease.release()
    lease.release()
    assert sum(writer.put(frame()) for _ in range(2 * BUFFERS)) == BUFFERS


def test_a_writer_whose_reader_is_gone_skips() -> None:
    """It is told of the end on another way, and needs no error for it."""
    writer, reader = pair()
    writer.put(frame())
    lease = newest(reader)
    reader.close()
    assert not writer.put(frame())
    lease.release()


def named_segments() -> set[str]:
    """Shared memory that has a name, and so could be left behind."""
    folder = Path("/dev/shm")  # noqa: S108  where Linux lists it; nothing is written
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def write_one(side: WriterSide) -> None:
    """Body of a spawned process: write one picture and announce it."""
    image = np.arange(96 * 64, dtype=np.uint8).reshape(96, 64)
    side.open().put(Frame(frame("front", 7).meta, image))


def test_a_spawned_process_shares_the_memory_and_leaves_nothing_behind() -> None:
    """The memory has no name: no file is left when its last process is gone."""
    before = named_segments()
    context = multiprocessing.get_context("spawn")
    reader, side = shared_slot("front", 64)
    process = context.Process(target=write_one, args=(side,))
    process.start()
    side.close()
    found: list[SharedFrameLease] = []

    def look() -> bool:
        lease, _ = reader.newest()
        found.extend([lease] if lease else [])
        return bool(found)

    wait_until(look, "a frame of the spawned process")
    process.join()
    image = found[0].frame.image
    np.testing.assert_array_equal(image.ravel(), np.arange(image.size, dtype=np.uint8))
    reader.close()
    process.close()
    assert named_segments() <= before
