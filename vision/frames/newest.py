"""The newest frame of every camera, and who is served next."""

from __future__ import annotations

import threading
from typing import Protocol

from vision.frames.slot import FrameLease


class SkipObserver(Protocol):
    """Learns of frames that will not be inferred."""

    def __call__(self, camera: str, reason: str, count: int) -> None:
        """``count`` frames of ``camera`` are skipped for ``reason``."""


class NewestFrames:
    """A slot of capacity one per camera; implements :class:`vision.frames.slot.FrameSource`.

    Any number of threads offer, one takes.
    """

    def __init__(self, on_skipped: SkipObserver) -> None:
        self._on_skipped = on_skipped
        self._changed = threading.Condition()
        # Insertion order is the order of service: who was served moves to the end.
        self._slots: dict[str, FrameLease | None] = {}
        self._woken = False

    def offer(self, lease: FrameLease) -> None:
        """Put a frame into its camera's slot; one that lay there is released and counted."""
        camera = lease.frame.meta.camera
        with self._changed:
            overtaken = self._slots.get(camera)
            self._slots[camera] = lease
            self._changed.notify()
        if overtaken is not None:
            overtaken.release()
            self._on_skipped(camera, "overtaken", 1)

    def take(self, limit: int, timeout_s: float) -> list[FrameLease]:
        """See :meth:`vision.frames.slot.FrameSource.take`."""
        with self._changed:
            self._changed.wait_for(self._ready, timeout_s)
            self._woken = False
            waiting = [camera for camera, lease in self._slots.items() if lease is not None]
            return [self._serve(camera) for camera in waiting[:limit]]

    def wake(self) -> None:
        """Make a waiting :meth:`take` return at once."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def _ready(self) -> bool:
        return self._woken or any(lease is not None for lease in self._slots.values())

    def _serve(self, camera: str) -> FrameLease:
        lease = self._slots.pop(camera)
        assert lease is not None  # noqa: S101  told to the type checker; the caller looked
        self._slots[camera] = None
        return lease
