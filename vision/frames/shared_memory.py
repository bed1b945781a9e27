"""The newest-frame slot inside a node: pixels in shared memory, ownership by messages.

Each camera has a few buffers in one anonymous memory file (``memfd_create(2)``): it has no
name, so nothing is left behind whatever process is killed. The writer fills a free buffer
and announces it on a pipe; from then on the buffer is the reader's, who hands it back with
one byte on another. The pipes order the memory accesses of both sides and end when a side
dies. Neither side is woken by the other for each frame: the reader reads all announcements at
once when it has room for a frame, the writer all buffers given back when it has a frame.
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import threading
from collections.abc import Callable
from multiprocessing import reduction
from typing import Protocol

import numpy as np

from vision.domain.frame import Frame, Image
from vision.frames.frame_descriptor import RECORD_BYTES, FrameReady, pack, unpack
from vision.frames.wire import FrameFormatError

# One being written, one newest, and enough for those in the engine or under way. Memory that
# is never written to costs nothing, and the last one back is used first.
BUFFERS = 16
_FIXED_SIZE = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class _Inherited(Protocol):
    """A file descriptor on its way into a process being spawned."""

    def detach(self) -> int:
        """The descriptor, from now on the caller's to close."""


def shared_slot(camera: str, long_side: int) -> tuple[SharedFrameReader, WriterSide]:
    """Memory for pictures of up to ``long_side`` squared, and both sides of it.

    Raises:
        OSError: The machine has no memory or descriptor left.
    """
    opened: list[int] = []
    try:
        opened.append(
            memory := os.memfd_create("vision-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        )
        os.ftruncate(memory, _buffer_bytes(long_side) * BUFFERS)
        # A writer that shrank it would take the reader with it: SIGBUS at the next picture.
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, _FIXED_SIZE)
        pictures = SharedFrameBuffers(memory, long_side)
        opened.extend(announcing := os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC))
        opened.extend(freeing := os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC))
    except BaseException:
        for descriptor in opened:
            os.close(descriptor)
        raise
    (announced, announce), (freed, give_back) = announcing, freeing
    reader = SharedFrameReader(camera, pictures, announced, give_back)
    return reader, WriterSide(long_side, memory, announce, freed)


class WriterSide:
    """The writer's side before it is opened, to be passed to a process being spawned."""

    def __init__(self, long_side: int, memory: int, announce: int, freed: int) -> None:
        self._long_side = long_side
        self._memory = memory
        self._announce = announce
        self._freed = freed

    def __reduce__(self) -> tuple[Callable[..., WriterSide], tuple[object, ...]]:
        descriptors = (self._memory, self._announce, self._freed)
        return _received, (self._long_side, *map(reduction.DupFd, descriptors))

    def open(self) -> SharedFrameWriter:
        """Write to it from this process."""
        pictures = SharedFrameBuffers(self._memory, self._long_side)
        return SharedFrameWriter(pictures, self._announce, self._freed)

    def close(self) -> None:
        """Leave it to the process it was passed to: the pipes end when that one does."""
        for descriptor in (self._memory, self._announce, self._freed):
            os.close(descriptor)


def _received(long_side: int, *inherited: _Inherited) -> WriterSide:
    memory, announce, freed = (one.detach() for one in inherited)
    return WriterSide(long_side, memory, announce, freed)


def _buffer_bytes(long_side: int) -> int:
    return long_side * long_side * 3 // 2


class SharedFrameBuffers:
    """The pictures in a memory file, which may be closed once it is mapped."""

    def __init__(self, descriptor: int, long_side: int) -> None:
        self._buffer_bytes = _buffer_bytes(long_side)
        self._map = mmap.mmap(descriptor, self._buffer_bytes * BUFFERS)

    def holds(self, buffer: int, shape: tuple[int, ...]) -> bool:
        """Whether there is such a buffer, and a picture of ``shape`` fits into it."""
        return buffer < BUFFERS and math.prod(shape) <= self._buffer_bytes

    def image(self, buffer: int, shape: tuple[int, ...]) -> Image:
        """A view of the picture in ``buffer``."""
        offset = buffer * self._buffer_bytes
        return np.frombuffer(self._map, np.uint8, math.prod(shape), offset).reshape(shape)


class SharedFrameWriter:
    """The ingest worker's side, for one thread; a :class:`vision.frames.slot.FrameSink`."""

    def __init__(self, pictures: SharedFrameBuffers, announce: int, freed: int) -> None:
        self._pictures = pictures
        self._announce = announce
        self._freed = freed
        self._free = list(range(BUFFERS))

    def put(self, frame: Frame) -> bool:
        """Copy the picture and announce it; False when the reader holds all buffers or is gone."""
        self._free += _read(self._freed, BUFFERS)
        if not self._free:
            return False
        rows, columns = frame.image.shape
        ready = FrameReady(frame.meta, self._free.pop(), (rows, columns))
        self._pictures.image(ready.buffer, ready.shape)[:] = frame.image
        return _write(self._announce, pack(ready))


class SharedFrameReader:
    """The node's side of one worker; for one thread at a time, but for leases."""

    def __init__(
        self, camera: str, pictures: SharedFrameBuffers, announced: int, give_back: int
    ) -> None:
        self.camera = camera
        self._pictures = pictures
        self._announced = announced
        self._give_back = give_back
        self._giving_back = threading.Lock()

    def fileno(self) -> int:
        """Readable when there is something to read, or no writer any more."""
        return self._announced

    def newest(self) -> tuple[SharedFrameLease | None, int]:
        """The newest frame announced since last time, and how many it has overtaken.

        Those are back with the writer. None: there is no frame.

        Raises:
            FrameFormatError: The writer announced what is no frame.
        """
        # All there can be: each stands for a buffer. The size is that of whole records.
        records = memoryview(_read(self._announced, BUFFERS * RECORD_BYTES))
        if not records:
            return None, 0
        if len(records) % RECORD_BYTES:
            raise FrameFormatError("a worker announced part of a frame")
        overtaken = bytes(records[:-RECORD_BYTES:RECORD_BYTES])
        ready = unpack(self.camera, records[-RECORD_BYTES:])
        if overtaken:
            self._free(overtaken)
        if not self._pictures.holds(ready.buffer, ready.shape):
            raise FrameFormatError("a worker announced a frame that does not fit into its memory")
        frame = Frame(ready.meta, self._pictures.image(ready.buffer, ready.shape))
        return SharedFrameLease(frame, ready.buffer, self._release), len(overtaken)

    def close(self) -> None:
        """Hear no more of the writer; leases stay valid, their memory goes with the last."""
        os.close(self._announced)
        with self._giving_back:
            os.close(self._give_back)
            self._give_back = -1

    def _release(self, buffer: int) -> None:
        self._free(bytes((buffer,)))

    def _free(self, buffers: bytes) -> None:
        with self._giving_back:
            if self._give_back >= 0:
                _write(self._give_back, buffers)


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


def _read(pipe: int, most: int) -> bytes:
    """What lies in the pipe; nothing, too, once it has ended."""
    try:
        return os.read(pipe, most)
    except BlockingIOError:
        return b""


def _write(pipe: int, message: bytes) -> bool:
    """Whether somebody may read it.

    There is room, since no more is under way than there are buffers: unless the other side does
    not keep to that, and then it is its loss.
    """
    try:
        os.write(pipe, message)
    except (BrokenPipeError, BlockingIOError):
        return False
    return True
