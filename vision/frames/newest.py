"""The newest frame of every camera, and who is served next."""

from __future__ import annotations

import math
import os
import select
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vision.domain.frame import FrameMeta
from vision.frames.shared_memory import SharedFrameLease, SharedFrameReader
from vision.frames.slot import FrameLease

# While nobody takes, frames are looked through so often, or their writers had no buffer left.
_LOOK_S = 0.1
_MS = 1000


class SkipObserver(Protocol):
    """Learns of frames that will not be inferred."""

    def __call__(self, camera: str, reason: str, count: int) -> None:
        """``count`` frames of ``camera`` are skipped for ``reason``."""


@dataclass(slots=True)
class _Inlet:
    """Where a camera's frames come in, until its writer is gone."""

    reader: SharedFrameReader
    on_frame: Callable[[FrameMeta], None]
    is_gone: bool = False


class NewestFrames:
    """A slot of capacity one per camera; implements :class:`vision.frames.slot.FrameSource`.

    One thread takes; frames wait in their pipes until it has room. Whoever attaches a reader
    calls :meth:`collect` now and then, so that frames overtake one another whatever the taker
    does.
    """

    def __init__(self, on_skipped: SkipObserver) -> None:
        self._on_skipped = on_skipped
        self._lock = threading.Lock()
        # By the descriptor of the reader.
        self._inlets: dict[int, _Inlet] = {}
        # Insertion order is the order of service: who was served moves to the end.
        self._slots: dict[str, SharedFrameLease | None] = {}
        self._waiting = 0
        self._woken = self._asleep = False
        self._alarm = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._alarm)
        self._alarm_only = self._poll_all()
        self._poll = self._poll_all()

    def attach(self, reader: SharedFrameReader, on_frame: Callable[[FrameMeta], None]) -> None:
        """Take in what a writer announces from now on.

        ``on_frame`` is told, by any thread, of each frame that comes into the slot.
        """
        with self._lock:
            self._inlets[reader.fileno()] = _Inlet(reader, on_frame)
            self._poll = self._poll_all()
        self._ring()

    def detach(self, reader: SharedFrameReader) -> None:
        """Take in what is left of a writer that is gone, and close its reader."""
        self.collect(reader)
        with self._lock:
            del self._inlets[reader.fileno()]
            self._poll = self._poll_all()
            reader.close()
        self._ring()

    def collect(self, reader: SharedFrameReader) -> None:
        """Put the newest frame of ``reader`` into its camera's slot; callable from any thread."""
        if self._take_in(self._inlets[reader.fileno()]):
            self._ring()

    def take(self, limit: int, timeout_s: float) -> list[FrameLease]:
        """See :meth:`vision.frames.slot.FrameSource.take`."""
        deadline_s = time.monotonic() + timeout_s
        left_s = 0.0 if self._waiting else timeout_s
        while True:
            self._look(self._poll, left_s)
            if self._waiting or self._woken:
                break
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                break
        self._woken = False
        return self._serve(limit)

    def wait(self, timeout_s: float) -> None:
        """See :meth:`vision.frames.slot.FrameSource.wait`."""
        deadline_s = time.monotonic() + timeout_s
        while not self._woken and (left_s := deadline_s - time.monotonic()) > 0:
            self._look(self._alarm_only, min(left_s, _LOOK_S))
            if not self._woken:
                self._look(self._poll, 0)
        self._woken = False

    def wake(self) -> None:
        """See :meth:`vision.frames.slot.FrameSource.wake`."""
        self._woken = True
        # As often as there are frames: who is awake sees it before it sleeps.
        if self._asleep:
            self._ring()

    def _ring(self) -> None:
        """Make the taker look around, also one that is about to wait for what is there already."""
        os.eventfd_write(self._alarm, 1)

    def _look(self, poll: select.poll, timeout_s: float) -> None:
        """Take in what is ready; wait for something to be, or for the alarm."""
        self._asleep = timeout_s > 0
        # After that line whoever wakes this thread rings the alarm.
        events = poll.poll(0 if self._woken else math.ceil(timeout_s * _MS))
        self._asleep = False
        for descriptor, event in events:
            if descriptor == self._alarm:
                os.eventfd_read(self._alarm)
            elif (inlet := self._inlets.get(descriptor)) and not self._take_in(inlet):
                self._give_up(inlet, event)

    def _take_in(self, inlet: _Inlet) -> bool:
        """Whether there was a frame."""
        camera = inlet.reader.camera
        with self._lock:
            lease, overtaken = inlet.reader.newest()
            if lease is None:
                return False
            before = self._slots.get(camera)
            self._slots[camera] = lease
            if before is None:
                self._waiting += 1
            else:
                before.release()
                overtaken += 1
        inlet.on_frame(lease.frame.meta)
        if overtaken:
            self._on_skipped(camera, "overtaken", overtaken)
        return True

    def _give_up(self, inlet: _Inlet, event: int) -> None:
        """Do not ask again for a writer that is gone; its reader is still to be detached."""
        if event & (select.POLLHUP | select.POLLERR | select.POLLNVAL):
            with self._lock:
                inlet.is_gone = True
                self._poll = self._poll_all()

    def _serve(self, limit: int) -> list[FrameLease]:
        if not self._waiting:
            return []
        served: list[FrameLease] = []
        with self._lock:
            for camera, lease in list(self._slots.items()):
                if lease is not None and len(served) < limit:
                    del self._slots[camera]
                    self._slots[camera] = None
                    served.append(lease)
            self._waiting -= len(served)
        return served

    def _poll_all(self) -> select.poll:
        poll = select.poll()
        poll.register(self._alarm, select.POLLIN)
        for descriptor, inlet in self._inlets.items():
            if not inlet.is_gone:
                poll.register(descriptor, select.POLLIN)
        return poll
