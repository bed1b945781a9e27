"""A decoded picture at model scale, with where and when it came from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]
"""``uint8`` planar YUV 4:2:0 of shape (3 * height / 2, width): see ``vision.frames.planar``."""


def is_picture(shape: tuple[int, ...]) -> bool:
    """Whether an :data:`Image` may have this shape: three rows for two of luma, an even width."""
    match shape:
        case (rows, width):
            return rows > 0 and width > 0 and rows % 3 == 0 and width % 2 == 0
    return False


RgbImage: TypeAlias = NDArray[np.uint8]
"""``uint8`` array of shape (height, width, 3), channels in the order red, green, blue."""


class ClockSource(StrEnum):
    """Whose clock a capture time was read from."""

    RTCP = "rtcp"
    """The camera's own, from its RTCP sender reports (RFC 3550, section 6.4.1)."""
    ARRIVAL = "arrival"
    """Ours, when the packet arrived: the camera's is missing or not plausible."""


class GateDecision(StrEnum):
    """What a motion gate does: it opens and closes, lets frames pass and holds them back."""

    OPENED = "opened"
    CLOSED = "closed"
    PASSED = "passed"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class FrameMeta:
    """All that is known of a frame but its pixels.

    Attributes:
        camera: Name from the configuration.
        run: Start of the ingest worker, UTC milliseconds; unique and rising per camera.
        seq: Number of the frame within its run, from 1, counted after the pace
            and the motion gate, before anything can be dropped: what is missing was skipped.
        pts: Presentation time in units of ``time_base``; None on a first frame.
        time_base: Numerator and denominator, seconds per unit of ``pts``.
        captured_ns: UTC nanoseconds by the clock that ``clock`` names.
        clock: Whose clock ``captured_ns`` is.
        clock_offset_ms: Arrival minus the camera's clock, None without a sender report:
            transport and decoding time when the clocks agree, far off when they do not.
        received_ns: UTC nanoseconds when the packet arrived.
        received_mono_ns: The same instant on CLOCK_MONOTONIC, comparable on one machine.
        width: Width of the source picture in pixels.
        height: Height of the source picture in pixels.
        gated: Frames of the run that the motion gate held back before this one; they have
            no ``seq``. ``seq + gated`` frames passed the pace.
        refresh_s: Seconds after which the motion gate lets a frame pass in any case, 0
            without a gate: no longer does the next frame of a sound camera take.
    """

    camera: str
    run: int
    seq: int
    pts: int | None
    time_base: tuple[int, int]
    captured_ns: int
    clock: ClockSource
    clock_offset_ms: float | None
    received_ns: int
    received_mono_ns: int
    width: int
    height: int
    gated: int
    refresh_s: float

    @property
    def id(self) -> str:
        """Unique over cameras and runs: ``front:1763898000123-12345``."""
        return f"{self.camera}:{self.run}-{self.seq}"

    def age_ns(self, now_mono_ns: int) -> int:
        """Nanoseconds since capture.

        The time since arrival is taken from the monotonic clock, so a step of the wall
        clock makes no frame look old; the time before arrival from the capture clock.
        """
        return now_mono_ns - self.received_mono_ns + max(0, self.received_ns - self.captured_ns)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame: its description and its pixels.

    Attributes:
        meta: Where and when it came from.
        image: The picture scaled to fit the model's input, aspect ratio kept, not padded.
            It may be a view of memory that is reused once the frame is released.
    """

    meta: FrameMeta
    image: Image

    def renumbered(self, run: int, offset: int) -> Frame:
        """The same frame as of ``run``, its number less ``offset``; itself where nothing changes."""
        if run == self.meta.run:
            return self
        return Frame(replace(self.meta, run=run, seq=self.meta.seq - offset), self.image)
