"""Capture time: the camera's clock when it is plausible, else arrival, and which it was.

FFmpeg derives a wall-clock time for each packet from the last RTCP sender report and puts
it beside the packet as a producer reference time (``prft``: ISO/IEC 14496-12, 8.16.5).
"""

from __future__ import annotations

from dataclasses import dataclass

from vision.domain.frame import ClockSource

_STEP_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a picture was taken.

    Attributes:
        captured_ns: UTC nanoseconds by the clock that ``clock`` names.
        clock: Whose clock that is.
        offset_ms: Arrival minus the camera's clock in milliseconds, None without its clock.
        step_ms: How far the camera's clock jumped since the packet before; 0 for less than
            a second.
    """

    captured_ns: int
    clock: ClockSource
    offset_ms: float | None
    step_ms: float


class CaptureClock:
    """Judges the camera's clock packet by packet; one per connection."""

    def __init__(self, window_s: float) -> None:
        """Believe the camera while its clock is within ``window_s`` of arrival."""
        self._window_ns = round(window_s * 1e9)
        self._last_offset_ns: int | None = None
        self._reports = 0

    def stamp(self, camera_ns: int | None, received_ns: int) -> Stamp:
        """Stamp a packet that arrived at ``received_ns`` UTC.

        ``camera_ns`` is its time by the camera's clock, UTC nanoseconds, None before the
        first sender report.
        """
        if camera_ns is None:
            return Stamp(received_ns, ClockSource.ARRIVAL, None, 0.0)
        offset_ns = received_ns - camera_ns
        step_ns = 0 if self._last_offset_ns is None else self._last_offset_ns - offset_ns
        self._last_offset_ns = offset_ns
        self._reports += 1
        # Measured: the packet on which the first report takes effect carries the time of
        # the picture before it.
        believed = self._reports > 1 and abs(offset_ns) <= self._window_ns
        return Stamp(
            captured_ns=camera_ns if believed else received_ns,
            clock=ClockSource.RTCP if believed else ClockSource.ARRIVAL,
            offset_ms=round(offset_ns / 1e6, 1),
            step_ms=round(step_ns / 1e6, 1) if abs(step_ns) >= _STEP_NS else 0.0,
        )
