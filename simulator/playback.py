"""Plays a camera to one viewer, in real time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.camera import Timeline
from simulator.clip import CLOCK_HZ
from simulator.rtp import RtpStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.camera import Camera
    from simulator.quirk import Nals
    from simulator.side_track import SideTrack
    from simulator.transport import Transport

_STALL_TICKS = CLOCK_HZ // 25


@dataclass(frozen=True, slots=True)
class Timing:
    """Clock and patience of a server.

    Attributes:
        utc_ns: The cameras' clock, UTC nanoseconds.
        report_interval_s: Seconds between sender reports; the first is sent at once.
        send_timeout_s: How long a client may keep a write waiting before it is cut off.
        session_timeout_s: How long a client may say nothing before it is cut off.
    """

    utc_ns: Callable[[], int] = time.time_ns
    report_interval_s: float = 2.0
    send_timeout_s: float = 5.0
    session_timeout_s: float = 60.0


class Playback:
    """A camera playing to one viewer from its first key frame on; used by one thread.

    Attributes:
        playing: Whether :meth:`proceed` is to be called.
    """

    def __init__(
        self,
        camera: Camera,
        transport: Transport,
        timing: Timing,
        side_tracks: Sequence[SideTrack] = (),
    ) -> None:
        """Play the video to ``transport``, and ``side_tracks`` beside it."""
        self._transport, self.playing = transport, False
        self._side_tracks = side_tracks
        self._units = 0
        self._faults, self._timing = camera.faults, timing
        self._codec = camera.clip.codec
        self._rtp = RtpStream(camera.clip.codec, camera.faults.first_timestamp)
        self._timeline = Timeline(camera)
        self._report_due = 0
        self._drifted_s, self._drift_at = 0.0, 0
        self._started_ns = time.monotonic_ns()

    @property
    def position(self) -> tuple[int, int]:
        """Sequence number and RTP timestamp of the packet that is sent next."""
        return self._rtp.sequence, self._rtp.timestamp(self._timeline.timestamp)

    def play(self) -> None:
        """Begin, or go on after a pause with the unit that would have been next."""
        self._timeline.postpone(self._now())
        self.playing = True

    def proceed(self) -> float:
        """Send a report and a unit if they are due; seconds until a unit is due again."""
        now, timeline, faults = self._now(), self._timeline, self._faults
        if faults.stall:
            timeline.postpone(now + _STALL_TICKS)
        elif now >= self._report_due:
            self._report_due = now + round(self._timing.report_interval_s * CLOCK_HZ)
            self._drifted_s += faults.clock_drift * (now - self._drift_at) / CLOCK_HZ
            self._drift_at = now
            if faults.sender_reports:
                ahead_s = faults.clock_offset_s + self._drifted_s
                camera_ns = self._timing.utc_ns() + round(ahead_s * 1e9)
                for quirk in faults.quirks:
                    camera_ns = quirk.report_utc_ns(camera_ns)
                self._transport.send([self._rtp.report(now, camera_ns)], rtcp=True)
        due = [] if faults.stall else [track.proceed(now) for track in self._side_tracks]
        if any(quirk.is_silent for quirk in faults.quirks):
            timeline.postpone(now + _STALL_TICKS)
        if now >= timeline.due:
            stamp = timeline.timestamp + round(faults.take_stray_s() * CLOCK_HZ)
            packets = self._rtp.packets(self._next_nals(), stamp)
            self._transport.send(faults.impair(packets))
            timeline.advance()
        next_due = min([timeline.due, *(tick for tick in due if tick is not None)])
        return max(0.0, (next_due - self._now()) / CLOCK_HZ)

    def _next_nals(self) -> Nals:
        nals, self._units = self._timeline.unit.nals, self._units + 1
        for quirk in self._faults.quirks:
            nals = quirk.nals(self._codec, self._units, nals)
        return nals

    def _now(self) -> int:
        return (time.monotonic_ns() - self._started_ns) * CLOCK_HZ // 1_000_000_000
