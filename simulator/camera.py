"""A simulated camera: what it shows, what is wrong with it, and in which order it sends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from vision.domain.errors import ConfigError

if TYPE_CHECKING:
    from simulator.clip import AccessUnit, Clip
    from simulator.quirk import Quirk, Track

_RTP_HEADER_BYTES = 12


@dataclass(slots=True)
class Faults:
    """What is wrong with a camera; any attribute may be set at any time from any thread.

    Attributes:
        hang: Requests are read and never answered; what plays goes on.
        stall: The connection stands and carries nothing; afterwards the clip goes on where
            it stopped.
        freeze: The clip's first key frame is sent again and again.
        slowdown: Each frame takes this many times as long; below 1 the camera is too fast.
        loss: Share of RTP packets that are not sent, 0 to 1.
        corruption: Share of RTP packets with a flipped bit in the payload, 0 to 1.
        sender_reports: Whether the camera tells its clock by RTCP.
        clock_offset_s: How far the clock in the sender reports is ahead, in seconds.
        clock_drift: Seconds by which that clock gains on true time in each second.
        stray_s: How far the timestamp of the next frame, and of no other, is off, in seconds.
        first_timestamp: RTP timestamp that the streams of new viewers begin with; None takes
            a random one, as RFC 3550 wants it.
        gone: There is no such stream (404); what plays goes on.
        quirks: Oddities of its answers and media.
        random: Chooses packets and bits; seed it to have the same ones again.
    """

    hang: bool = False
    stall: bool = False
    freeze: bool = False
    slowdown: float = 1.0
    loss: float = 0.0
    corruption: float = 0.0
    sender_reports: bool = True
    clock_offset_s: float = 0.0
    clock_drift: float = 0.0
    stray_s: float = 0.0
    first_timestamp: int | None = None
    gone: bool = False
    quirks: tuple[Quirk, ...] = ()
    random: np.random.Generator = field(default_factory=np.random.default_rng, repr=False)

    def impair(self, packets: list[bytes]) -> list[bytes]:
        """The RTP packets that reach the wire, in the shape they reach it."""
        kept = [packet for packet in packets if not self._strikes(self.loss)]
        return [self._flip(packet) if self._strikes(self.corruption) else packet for packet in kept]

    @property
    def tracks(self) -> dict[str, Track]:
        """Tracks beside the video, by name, in the order they are described."""
        return {track.name: track for quirk in self.quirks for track in quirk.tracks}

    def switch(self, quirk: Quirk, *, is_on: bool) -> None:
        """Turn a quirk on or off; tracks and descriptions are those of new viewers."""
        others = tuple(each for each in self.quirks if each is not quirk)
        self.quirks = (*others, quirk) if is_on else others

    def take_stray_s(self) -> float:
        """How far the timestamp of the frame that is sent now is off; asked once per frame."""
        stray_s, self.stray_s = self.stray_s, 0.0
        return stray_s

    def _strikes(self, share: float) -> bool:
        return share > 0 and self.random.random() < share

    def _flip(self, packet: bytes) -> bytes:
        damaged = bytearray(packet)
        at, bit = self.random.integers(_RTP_HEADER_BYTES, len(packet)), self.random.integers(8)
        damaged[at] ^= 1 << bit
        return bytes(damaged)


class Camera:
    """One stream of a server: a clip and the faults in showing it."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self.faults = Faults()

    def show(self, clip: Clip) -> None:
        """Change to another clip, of any size, from the next frame on; from any thread.

        Raises:
            ConfigError: Its codec is not the one that viewers were told.
        """
        if clip.codec != self.clip.codec:
            raise ConfigError(f"a stream of {self.clip.codec} cannot change to {clip.codec}")
        self.clip = clip


class Timeline:
    """When a viewer is sent which unit, in ticks of the RTP clock since it began to watch.

    The clip is repeated for ever, and the next round follows the last as one frame the other.

    Attributes:
        due: When :attr:`unit` is to be sent.
    """

    def __init__(self, camera: Camera) -> None:
        self.due = 0
        self._camera, self._clip = camera, camera.clip
        self._position = 0
        self._newest = self.timestamp

    @property
    def unit(self) -> AccessUnit:
        """The unit that is sent next."""
        return self._clip.units[self._position]

    @property
    def timestamp(self) -> int:
        """Its presentation time; never after :attr:`due`."""
        return self.due - round(self.unit.lag * self._camera.faults.slowdown)

    def postpone(self, due: int) -> None:
        """Send the next unit not before ``due``, and all others as much later."""
        self.due = max(self.due, due)

    def advance(self) -> None:
        """Go on to the next unit."""
        slowdown = self._camera.faults.slowdown
        self._newest = max(self._newest, self.timestamp)
        self.due += round(self.unit.step * slowdown)
        self._position = (self._position + 1) % len(self._clip.units)
        if self._camera.faults.freeze or self._camera.clip is not self._clip:
            self._clip, self._position = self._camera.clip, 0
        if self._position == 0:
            # Cut off in mid-clip, B-frames have sent a picture ahead that has to be shown first.
            self.due = max(self.due, self._newest + 1 + round(self.unit.lag * slowdown))
