"""Capture time: the camera's clock when it is plausible, else arrival, and which it was.

FFmpeg derives a wall-clock time for each packet from the last RTCP sender report and puts
it beside the packet as a producer reference time (``prft``: ISO/IEC 14496-12, 8.16.5).
"""

from __future__ import annotations

from dataclasses import dataclass

from vision.domain.frame import ClockSource

# Less is the network, or a clock being disciplined.
_STEP_NS = 1_000_000_000
# Packets of a burst after a stall, or of B-frames out of order, are off for a moment only.
_CONFIRM_NS = 2_000_000_000
_CONFIRM_PACKETS = 3
_AGREE_NS = 500_000_000
# A clock that drifts fast is put right at every report: that is one piece of news, not many.
_QUIET_NS = 60_000_000_000
_S = 1_000_000_000
# NTP counts seconds in 32 bits, which begin anew in 2036.
_NTP_ERA_NS = (1 << 32) * _S
# Clocks that were never set begin in 1970 or 2000; one that is ten years off may have been.
_MOST_OFF_NS = 20 * 366 * 86_400 * _S
_DAY_NS = 86_400 * _S
# The share of a new offset: follows a drift within seconds, and hardly a single packet.
_FOLLOW = 0.1


@dataclass(frozen=True, slots=True)
class CaptureTimestamp:
    """When a picture was taken.

    Attributes:
        captured_ns: UTC nanoseconds by the clock that ``clock`` names.
        clock: Whose clock that is.
        offset_ms: Arrival minus the camera's clock in milliseconds, None without its clock.
        step_ms: How far the camera's clock jumped, once a jump of a second or more is certain;
            else 0.
    """

    captured_ns: int
    clock: ClockSource
    offset_ms: float | None
    step_ms: float


def wall_clock_ns(reported_ns: int, received_ns: int) -> int | None:
    """The camera's time as its sender report means it, None where it means no time of day.

    A sender without a clock reports zero or the time since its start (RFC 3550, section 6.4.1),
    which FFmpeg takes for the first half of the 20th century.

    Args:
        reported_ns: As FFmpeg gives it, UTC nanoseconds.
        received_ns: Arrival of the packet, UTC nanoseconds.
    """
    if reported_ns < 0:
        reported_ns += _NTP_ERA_NS
        return reported_ns if abs(reported_ns - received_ns) <= _DAY_NS else None
    return reported_ns if abs(reported_ns - received_ns) <= _MOST_OFF_NS else None


class CaptureClock:
    """Judges the camera's clock packet by packet; one per connection."""

    def __init__(self, window_s: float) -> None:
        """Believe the camera while its clock is within ``window_s`` of arrival."""
        self.retune(window_s)
        self._steps = _StepDetector()
        self._reports = 0

    def retune(self, window_s: float) -> None:
        """Believe the camera while its clock is within ``window_s`` of arrival, from now on."""
        self._window_ns = round(window_s * 1e9)

    def stamp(
        self, camera_ns: int | None, received_ns: int, received_mono_ns: int
    ) -> CaptureTimestamp:
        """Stamp a packet.

        Args:
            camera_ns: Its time by the camera's clock, UTC nanoseconds, None before the first
                sender report and without a clock.
            received_ns: Its arrival, UTC nanoseconds.
            received_mono_ns: The same instant on CLOCK_MONOTONIC, which no step of our own
                clock touches.
        """
        if camera_ns is None:
            return CaptureTimestamp(received_ns, ClockSource.ARRIVAL, None, 0.0)
        offset_ns = received_ns - camera_ns
        self._reports += 1
        # Measured: the packet on which the first report takes effect carries the time of
        # the picture before it.
        believed = self._reports > 1 and abs(offset_ns) <= self._window_ns
        return CaptureTimestamp(
            captured_ns=camera_ns if believed else received_ns,
            clock=ClockSource.RTCP if believed else ClockSource.ARRIVAL,
            offset_ms=round(offset_ns / 1e6, 1),
            step_ms=round(self._steps.step_ns(camera_ns, received_mono_ns) / 1e6, 1),
        )


class _StepDetector:
    """Tells a clock that was set from late packets, reordering and drift."""

    def __init__(self) -> None:
        self._usual_ns: float | None = None
        self._first_off_ns = 0.0
        self._since_ns = 0
        self._packets = 0
        self._told_ns = -_QUIET_NS

    def step_ns(self, camera_ns: int, mono_ns: int) -> float:
        """How far the camera's clock was found to have jumped with this packet, else 0."""
        ahead_ns = float(camera_ns - mono_ns)
        if self._usual_ns is None:
            self._usual_ns = ahead_ns
        off_ns = ahead_ns - self._usual_ns
        if abs(off_ns) < _STEP_NS:
            self._packets = 0
            self._usual_ns += off_ns * _FOLLOW
            return 0.0
        if not self._packets or abs(off_ns - self._first_off_ns) > _AGREE_NS:
            self._first_off_ns, self._since_ns, self._packets = off_ns, mono_ns, 0
        self._packets += 1
        if self._packets < _CONFIRM_PACKETS or mono_ns - self._since_ns < _CONFIRM_NS:
            return 0.0
        self._usual_ns, self._packets = ahead_ns, 0
        if mono_ns - self._told_ns < _QUIET_NS:
            return 0.0
        self._told_ns = mono_ns
        return off_ns
