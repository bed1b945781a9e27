"""What is sent on a track beside the video, to one viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.camera import Camera, Timeline
from simulator.clip import CLOCK_HZ, Codec
from simulator.rtp import RtpStream

if TYPE_CHECKING:
    from simulator.quirk import Track
    from simulator.transport import Transport

_PACKET_TICKS = CLOCK_HZ // 50
# A packet of 20 ms counts 160 samples of 8 kHz.
_TICKS_PER_SAMPLE = CLOCK_HZ // 8000


class SideTrack:
    """A track that plays its clip, repeats its payload or says nothing."""

    def __init__(self, track: Track, transport: Transport) -> None:
        self._track, self._transport = track, transport
        self._due = 0
        if track.clip:
            self._timeline = Timeline(Camera(track.clip))
            self._rtp = RtpStream(track.clip.codec)
        else:
            self._rtp = RtpStream(Codec.H264, payload_type=track.payload_type)

    def proceed(self, now: int) -> int | None:
        """Send what is due at ``now``, ticks of 90 kHz; when the next is, None for never."""
        if self._track.clip:
            return self._play(now)
        if not self._track.payload:
            return None
        if now >= self._due:
            packet = self._rtp.packet(self._track.payload, now // _TICKS_PER_SAMPLE)
            self._transport.send([packet])
            self._due = now + _PACKET_TICKS
        return self._due

    def _play(self, now: int) -> int:
        timeline = self._timeline
        if now >= timeline.due:
            self._transport.send(self._rtp.packets(timeline.unit.nals, timeline.timestamp))
            timeline.advance()
            timeline.postpone(now)
        return timeline.due
