"""Frames cross a process border whole, and buffers come back."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from tests.support.frames import frame
from vision.frames.shared_memory import (
    BUFFERS,
    FrameReady,
    SharedBuffers,
    SharedFrameReader,
    SharedFrameWriter,
)


def pair(long_side: int = 64) -> tuple[SharedFrameWriter, SharedFrameReader, list[FrameReady]]:
    """A writer and a reader in one process."""
    buffers, announced = SharedBuffers(long_side), list[FrameReady]()
    writer = SharedFrameWriter(buffers, announced.append)
    buffers.close_descriptor()
    return writer, SharedFrameReader(buffers, writer.freed), announced


def test_pixels_arrive_as_they_were_written() -> None:
    """Pictures of several sizes keep their shape, meta and pixels."""
    writer, reader, announced = pair()
    rng = np.random.default_rng(1)
    for seq, (height, width) in enumerate([(96, 64), (54, 64), (96, 2), (3, 64)], start=1):
        image = rng.integers(0, 255, (height, width), np.uint8)
        assert writer.put(frame("front", seq, image))
        lease = reader.lease(announced[-1])
        assert lease.frame.meta.seq == seq
        np.testing.assert_array_equal(lease.frame.image, image)
        lease.release()


def test_a_frame_that_is_held_is_never_written_over() -> None:
    """When the reader holds every buffer the writer skips, and goes on once one is back."""
    writer, reader, announced = pair()
    leases = []
    for seq in range(1, BUFFERS + 1):
        assert writer.put(frame("front", seq, np.full((12, 8), seq, np.uint8)))
        leases.append(reader.lease(announced[-1]))
    assert not writer.put(frame("front", 99, np.full((12, 8), 99, np.uint8)))
    assert [int(lease.frame.image.max()) for lease in leases] == list(range(1, BUFFERS + 1))
    leases[2].release()
    assert writer.put(frame("front", 100, np.full((12, 8), 100, np.uint8)))


def test_releasing_twice_frees_once() -> None:
    """A buffer with two owners would mix two pictures."""
    writer, reader, announced = pair()
    writer.put(frame())
    lease = reader.lease(announced[0])
    lease.release()
    lease.release()
    assert sum(writer.put(frame()) for _ in range(2 * BUFFERS)) == BUFFERS


def named_segments() -> set[str]:
    """Shared memory that has a name, and so could be left behind."""
    folder = Path("/dev/shm")  # noqa: S108  where Linux lists it; nothing is written
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def write_one(buffers: SharedBuffers, pipe: Connection) -> None:
    """Body of a spawned process: write one picture and announce it."""
    image = np.arange(96 * 64, dtype=np.uint8).reshape(96, 64)
    SharedFrameWriter(buffers, pipe.send).put(frame("front", 7, image))


def test_a_spawned_process_shares_the_memory_and_leaves_nothing_behind() -> None:
    """The memory has no name: no file is left when its last process is gone."""
    before = named_segments()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    buffers = SharedBuffers(64)
    process = context.Process(target=write_one, args=(buffers, theirs))
    process.start()
    theirs.close()
    buffers.close_descriptor()
    assert ours.poll(60)
    ready = ours.recv()
    process.join()
    image = SharedFrameReader(buffers, lambda _: None).lease(ready).frame.image
    np.testing.assert_array_equal(image.ravel(), np.arange(image.size, dtype=np.uint8))
    ours.close()
    process.close()
    assert named_segments() <= before
