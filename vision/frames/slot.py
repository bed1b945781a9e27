"""The newest-frame slot: what capture hands over and inference takes.

One slot per camera, capacity one: a reader that comes late sees the newest frame, never
a queue of old ones, and every frame that was overwritten can be counted by its ``seq``.
Implementations: shared memory inside a node (:mod:`vision.frames.shared_memory`), Redis
between machines (:mod:`vision.frames.redis_source`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vision.domain.frame import Frame


@dataclass(frozen=True, slots=True)
class Previous:
    """The frame of a camera's run that the message before this one told of.

    Attributes:
        seq: Its number; 0 when there was none in this run.
        is_empty: Whether nothing was seen in it, as far as known.
    """

    seq: int
    is_empty: bool


class FrameLease(Protocol):
    """A frame whose pixels stay valid until the lease is released."""

    @property
    def frame(self) -> Frame:
        """The frame; its image may be a view of shared memory."""

    @property
    def previous(self) -> Previous | None:
        """What the slot knows of the message before, where several readers share a camera.

        None: there is one reader, who knows best what it passed over.
        """

    def release(self) -> None:
        """Give the memory back; the image must not be read afterwards. Safe to repeat."""


class FrameSource(Protocol):
    """Where an inference worker takes frames from; used by one thread."""

    def take(self, limit: int, timeout_s: float) -> list[FrameLease]:
        """Take up to ``limit`` frames, at most one per camera, the longest unserved first.

        Waits up to ``timeout_s`` for the first one; never waits for a second. An empty
        list means that the time is over or that somebody called :meth:`wake`.
        """

    def wait(self, timeout_s: float) -> None:
        """Take nothing; wait for somebody to call :meth:`wake`, ``timeout_s`` at most."""

    def wake(self) -> None:
        """Make a waiting :meth:`take` or :meth:`wait`, or the next, return at once.

        Callable from any thread.
        """


class FrameSink(Protocol):
    """Where an ingest worker puts frames."""

    def put(self, frame: Frame) -> bool:
        """Offer a frame, never blocking. False: nothing was free and it is skipped."""
