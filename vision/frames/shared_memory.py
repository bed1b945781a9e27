"""The newest-frame slot inside a node: pixels in shared memory, ownership by messages.

Each camera has a few buffers in one anonymous memory file (``memfd_create(2)``): it has no
name, so nothing is left behind whatever process is killed. The writer fills a free buffer
and announces it on a pipe; from then on the buffer is the reader's, who hands it back with
one byte. The pipe orders the memory accesses of both sides, wakes the reader without
polling, and ends when a side dies. The reader listens all the time, also while the engine
is busy, so a frame that a newer one overtakes is back with the writer at once.
"""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import reduction
from typing import Protocol

import numpy as np

from vision.domain.frame import Frame, FrameMeta, Image

# One being written, one newest, and enough for those in the engine or under way. Memory that
# is never written to costs nothing, and the last one back is used first.
BUFFERS = 16


class _Inherited(Protocol):
    """A file descriptor on its way into a process being spawned."""

    def detach(self) -> int:
        """The descriptor, from now on the caller's to close."""


@dataclass(frozen=True, slots=True)
class FrameReady:
    """The announcement of a frame: its description, buffer and the shape of its image."""

    meta: FrameMeta
    buffer: int
    shape: tuple[int, ...]


class SharedBuffers:
    """The memory of one camera; pass it to a process being spawned to share it."""

    def __init__(self, long_side: int, file_descriptor: int | None = None) -> None:
        """Make memory for pictures of up to ``long_side`` squared, or map what exists."""
        self._long_side = long_side
        self._buffer_bytes = long_side * long_side * 3 // 2
        size = self._buffer_bytes * BUFFERS
        if file_descriptor is None:
            file_descriptor = os.memfd_create("vision-frames")
            os.ftruncate(file_descriptor, size)
        self._file_descriptor = file_descriptor
        self._map = mmap.mmap(file_descriptor, size)

    def __reduce__(
        self,
    ) -> tuple[Callable[[int, _Inherited], SharedBuffers], tuple[int, _Inherited]]:
        return _attach, (self._long_side, reduction.DupFd(self._file_descriptor))

    def close_descriptor(self) -> None:
        """Close the file once both sides have mapped it; the memory stays."""
        os.close(self._file_descriptor)

    def image(self, buffer: int, shape: tuple[int, ...]) -> Image:
        """A view of the picture in ``buffer``."""
        offset = buffer * self._buffer_bytes
        return np.frombuffer(self._map, np.uint8, math.prod(shape), offset).reshape(shape)


def _attach(long_side: int, inherited: _Inherited) -> SharedBuffers:
    buffers = SharedBuffers(long_side, inherited.detach())
    buffers.close_descriptor()
    return buffers


class SharedFrameWriter:
    """The ingest worker's side; ``put`` is for one thread, ``freed`` for another."""

    def __init__(self, buffers: SharedBuffers, announce: Callable[[FrameReady], None]) -> None:
        self._buffers = buffers
        self._announce = announce
        # A list's pop and append are atomic, and no order among free buffers matters.
        self._free = list(range(BUFFERS))

    def put(self, frame: Frame) -> bool:
        """Copy the picture and announce it; False when the reader holds all buffers."""
        if not self._free:
            return False
        buffer = self._free.pop()
        self._buffers.image(buffer, frame.image.shape)[:] = frame.image
        self._announce(FrameReady(frame.meta, buffer, frame.image.shape))
        return True

    def freed(self, buffer: int) -> None:
        """Take back a buffer that the reader is done with."""
        self._free.append(buffer)


class SharedFrameReader:
    """The node's side of one worker: turns announcements into leases."""

    def __init__(self, buffers: SharedBuffers, give_back: Callable[[int], None]) -> None:
        """``give_back`` tells the writer that a buffer is free; called from any thread."""
        self._buffers = buffers
        self._give_back = give_back

    def lease(self, ready: FrameReady) -> SharedFrameLease:
        """The announced frame; its memory is the holder's until it is released."""
        image = self._buffers.image(ready.buffer, ready.shape)
        return SharedFrameLease(Frame(ready.meta, image), ready.buffer, self._give_back)


class SharedFrameLease:
    """A frame in shared memory; see :class:`vision.frames.slot.FrameLease`."""

    __slots__ = ("_buffer", "_give_back", "frame", "previous")

    def __init__(self, frame: Frame, buffer: int, give_back: Callable[[int], None]) -> None:
        self.frame = frame
        self.previous = None
        self._buffer = buffer
        self._give_back: Callable[[int], None] | None = give_back

    def release(self) -> None:
        """Hand the buffer back to the writer; safe to repeat."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back(self._buffer)
