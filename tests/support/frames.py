"""Frames and leases made by hand."""

from __future__ import annotations

import numpy as np

from vision.domain.frame import ClockSource, Frame, FrameMeta, Image
from vision.frames.slot import Previous

RUN = 1_763_898_000_123
CAPTURED_NS = 1_763_898_005_000_000_000


def meta(
    camera: str = "front",
    seq: int = 1,
    *,
    run: int = RUN,
    mono_ns: int = 0,
    gated: int = 0,
    refresh_s: float = 0.0,
) -> FrameMeta:
    """The description of a 1080p frame that took 50 ms to arrive."""
    return FrameMeta(
        camera=camera,
        run=run,
        seq=seq,
        pts=seq * 9000,
        time_base=(1, 90_000),
        captured_ns=CAPTURED_NS + seq * 100_000_000,
        clock=ClockSource.RTCP,
        clock_offset_ms=50.0,
        received_ns=CAPTURED_NS + seq * 100_000_000 + 50_000_000,
        received_mono_ns=mono_ns,
        width=1920,
        height=1080,
        gated=gated,
        refresh_s=refresh_s,
    )


def frame(camera: str = "front", seq: int = 1, image: Image | None = None) -> Frame:
    """A frame of that description, black unless an image is given."""
    return Frame(meta(camera, seq), np.zeros((6, 8), np.uint8) if image is None else image)


class CountedLease:
    """A lease that counts how often it was released."""

    def __init__(self, leased: Frame) -> None:
        self.frame = leased
        self.previous: Previous | None = None
        self.released = 0

    def release(self) -> None:
        """Count it."""
        self.released += 1
