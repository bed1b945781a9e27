"""The newest frame of every camera, and who is served next."""

from __future__ import annotations

import logging
import math
import os
import select
import threading
import time
import weakref
from collections.abc import Callable
from typing import Protocol

from vision.domain.frame import FrameMeta
from vision.domain.losses import SkipReason
from vision.frames.inlets import Inlet, Inlets
from vision.frames.shared_memory import SharedFrameLease, SharedFrameReader
from vision.frames.slot import FrameLease
from vision.frames.wire import FrameFormatError

_log = logging.getLogger(__name__)
# While nobody takes, frames are looked through so often, or their writers had no buffer left.
_LOOK_S = 0.1
_MS = 1000
_GONE = select.POLLHUP | select.POLLERR | select.POLLNVAL


class SkipObserver(Protocol):
    """Learns of frames that will not be inferred."""

    def __call__(self, camera: str, reason: str, count: int) -> None:
        """``count`` frames of ``camera`` are skipped for ``reason``."""


class LatestFrames:
    """A slot of capacity one per camera; implements :class:`vision.frames.slot.FrameSource`.

    One thread takes; frames wait in their pipes until it has room. Whoever attaches a reader
    calls :meth:`collect` now and then, so that frames overtake one another whatever the taker
    does.
    """

    def __init__(self, on_skipped: SkipObserver) -> None:
        self._on_skipped = on_skipped
        self._lock = threading.Lock()
        # Insertion order is the order of service: who was served moves to the end.
        self._slots: dict[str, SharedFrameLease | None] = {}
        self._waiting = 0
        self._woken = self._asleep = False
        self._alarm = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._alarm)
        self._alarm_only = select.poll()
        self._alarm_only.register(self._alarm, select.POLLIN)
        self._inlets = Inlets(self._alarm)

    def attach(self, reader: SharedFrameReader, on_frame: Callable[[FrameMeta], None]) -> None:
        """Take in what a writer announces from now on.

        ``on_frame`` is told, by any thread, of each frame that comes into the slot.
        """
        self._inlets.add(Inlet(reader, on_frame))
        self._ring()

    def detach(self, reader: SharedFrameReader) -> None:
        """Take in what is left of a writer that is gone, and close its reader."""
        inlet = self._inlets.of(reader)
        if not inlet.failure and self._heard(inlet):
            self._ring()
        self._inlets.take_out(reader)
        # Whoever looks at it has it closed when it comes around.
        self._ring()

    def collect(self, reader: SharedFrameReader) -> None:
        """Put the newest frame of ``reader`` into its camera's slot; callable from any thread.

        Raises:
            FrameFormatError: Its writer announced what is no frame: nothing more is taken of it.
        """
        inlet = self._inlets.of(reader)
        if not inlet.failure and self._heard(inlet):
            self._ring()
        if inlet.failure:
            raise FrameFormatError(inlet.failure)

    def take(self, limit: int, timeout_s: float) -> list[FrameLease]:
        """See :meth:`vision.frames.slot.FrameSource.take`."""
        deadline_s = time.monotonic() + timeout_s
        left_s = 0.0 if self._waiting else timeout_s
        while True:
            self._poll(left_s)
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
            for _ in self._ready(self._alarm_only, min(left_s, _LOOK_S)):
                os.eventfd_read(self._alarm)
            if not self._woken:
                self._poll(0)
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

    def _poll(self, timeout_s: float) -> None:
        """Take in what is ready; wait for something to be, or for the alarm."""
        view = self._inlets.enter()
        try:
            for descriptor, event in self._ready(view.poll, timeout_s):
                if descriptor == self._alarm:
                    os.eventfd_read(self._alarm)
                    continue
                inlet = view.inlets[descriptor]
                if not self._heard(inlet) and event & _GONE:
                    # It would be ready all the time until it is detached.
                    self._inlets.end(inlet)
        finally:
            self._inlets.leave()

    def _ready(self, poll: select.poll, timeout_s: float) -> list[tuple[int, int]]:
        self._asleep = timeout_s > 0
        # After that line whoever wakes this thread rings the alarm.
        events = poll.poll(0 if self._woken else math.ceil(timeout_s * _MS))
        self._asleep = False
        return events

    def _heard(self, inlet: Inlet) -> bool:
        """Whether there was a frame; an inlet that fails is given up, and the others go on."""
        try:
            return self._take_in(inlet)
        except Exception as error:  # noqa: BLE001  of one camera: no other may suffer from it
            # In words: with the error whoever keeps it keeps the camera's memory.
            reason = str(error) or type(error).__name__
            unforeseen = None if isinstance(error, FrameFormatError) else error
            camera = inlet.reader.camera
            _log.error(
                "frames.inlet_failed camera=%s reason=%s", camera, reason, exc_info=unforeseen
            )
            self._inlets.end(inlet, reason)
            return False

    def _take_in(self, inlet: Inlet) -> bool:
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
            self._on_skipped(camera, SkipReason.OVERTAKEN.value, overtaken)
        return True

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
