"""The newest-frame slot: what capture hands over and inference takes.

One slot per camera, capacity one: a reader that comes late sees the newest frame, never
a queue of old ones, and every frame that was overwritten can be counted by its ``seq``.
Implementations: shared memory inside a node (:mod:`vision.frames.shared_memory`).
"""

from __future__ import annotations

from typing import Protocol

from vision.domain.frame import Frame


class FrameLease(Protocol):
    """A frame whose pixels stay valid until the lease is released."""

    @property
    def frame(self) -> Frame:
        """The frame; its image may be a view of shared memory."""

    def release(self) -> None:
        """Give the memory back; the image must not be read afterwards. Safe to repeat."""


class FrameSource(Protocol):
    """Where an inference worker takes frames from; used by one thread."""

    def take(self, limit: int, timeout_s: float) -> list[FrameLease]:
        """Take up to ``limit`` frames, at most one per camera, the longest unserved first.

        Waits up to ``timeout_s`` for the first one; never waits for a second. An empty
        list means that the time is over or that somebody called :meth:`wake`.
        """

    def wake(self) -> None:
        """Make a waiting :meth:`take` return at once; callable from any thread."""


class FrameSink(Protocol):
    """Where an ingest worker puts frames."""

    def put(self, frame: Frame) -> bool:
        """Offer a frame, never blocking. False: nothing was free and it is skipped."""
