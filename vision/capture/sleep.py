"""The decoder's sleep: of a scene that stands still only key frames are decoded.

The packets between are kept, and decoded all at once when they say that something may have
changed; so nothing is lost, and the picture is intact. What they say is in their size
(:mod:`vision.capture.packet_size_baseline`), so a camera sleeps only where a still scene costs next to no
bytes: one that fills up a constant rate says nothing of what it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from vision.capture.packet_size_baseline import PacketSizeBaseline

Packet = TypeVar("Packet")

# The gate has been shut for so long: who has just come to rest may go on.
_SETTLED_NS = 3_000_000_000
# Awake for at least this time, so that a camera on the verge does not decode key frames twice.
_AWAKE_NS = 2_000_000_000
# More than this for a picture of so many pixels is not next to nothing (measured: adr/0033).
_MOST_BYTES_PER_PIXEL = 0.002
# Key frames this far apart, of the refresh and at most, so that one is there in time, and that few
# packets are to be decoded at once.
_REFRESH_SHARE, _MOST_GROUP_NS = 0.85, 10_000_000_000
_MOST_KEPT_BYTES = 8 << 20
# The next key frame is late after so many usual intervals.
_LATE_SHARE = 1.5
# All key frames are looked at but those that come more often: what enters with one does not show
# in its size.
_LOOK_NS = 1_500_000_000
# Of a usual step between pictures: more means that one is missing.
_STEP_SHARE, _STEP_FORGOTTEN = 1.5, 0.99
# As many pictures at most may come before one that is shown sooner.
_MOST_REORDERED = 16


class StillScene(Protocol):
    """What the motion gate knows."""

    @property
    def due_ns(self) -> int:
        """CLOCK_MONOTONIC by when the next frame has to pass."""

    def shut_for_ns(self, mono_ns: int) -> int:
        """For how long the gate has been shut; negative while it is open."""


class MovingScene:
    """A scene in which something always moves: the decoder never sleeps."""

    @property
    def due_ns(self) -> int:
        """At once."""
        return 0

    def shut_for_ns(self, mono_ns: int) -> int:  # noqa: ARG002  as of StillScene
        """Never shut."""
        return -1


class QueuedPacket(NamedTuple):
    """What can be known of a packet without decoding it.

    Attributes:
        mono_ns: CLOCK_MONOTONIC of its arrival.
        size: Bytes.
        pts: Presentation time in the stream's unit; None where it has none.
        is_key: Whether decoding can begin with it.
        is_damaged: Whether the demuxer has marked it.
    """

    mono_ns: int
    size: int
    pts: int | None
    is_key: bool
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class DecodePlan(Generic[Packet]):
    """What to do now that a packet came, while the decoder sleeps or wakes.

    Attributes:
        packets: To decode, in order; none while it sleeps on.
        is_look: It sleeps on, and the picture of this key frame is to be had at once.
        past: How many of ``packets`` arrived, and were passed over, before.
    """

    packets: Sequence[Packet]
    is_look: bool = False
    past: int = 0


class DecoderSleep(Generic[Packet]):
    """Decides which packets of one connection are decoded; one thread.

    Attributes:
        is_asleep: Whether packets are kept undecoded.
        pixels: Of the newest picture.
    """

    def __init__(self, scene: StillScene, refresh_s: float, fps: float) -> None:
        """Sleep while ``scene`` is still.

        A frame has to pass each ``refresh_s``, and of those that are decoded ``fps`` a second can.
        """
        self.is_asleep = False
        self.pixels = 0
        self.retune(scene, refresh_s, fps)
        self._floor = PacketSizeBaseline()
        self._kept: list[Packet] = []
        self._kept_bytes = 0
        self._key_ns: int | None = None
        self._group_ns = 0
        self._looked_ns = self._woken_ns = self._seen_ns = 0
        self._pts: int | None = None
        self._pts_step = 0.0
        self._is_upset = False

    def retune(self, scene: StillScene, refresh_s: float, fps: float) -> None:
        """Sleep by these from the next packet on; see the constructor."""
        self._scene = scene
        self._period_ns = round(1e9 / fps)
        in_time_ns = round(refresh_s * 1e9 * _REFRESH_SHARE) - self._period_ns
        self._longest_ns = min(_MOST_GROUP_NS, in_time_ns)

    @property
    def next_look_ns(self) -> int:
        """CLOCK_MONOTONIC by when the next key frame will have been looked at, if all goes well."""
        groups = max(1, _LOOK_NS // max(1, self._group_ns))
        usual_ns = groups * self._group_ns
        return (
            self._looked_ns + usual_ns + round(self._group_ns * _LATE_SHARE / 4) + self._period_ns
        )

    def upset(self) -> None:
        """Something unusual came out of the decoder: wake with the next packet."""
        self._is_upset = True

    def take(self, packet: Packet, arrival: QueuedPacket) -> DecodePlan[Packet] | None:
        """What to do now that ``packet`` came; None to decode it as ever."""
        now_ns, is_key = arrival.mono_ns, arrival.is_key
        interval_ns, self._seen_ns = now_ns - self._seen_ns, now_ns
        shut_ns = self._scene.shut_for_ns(now_ns)
        wakes = self._is_unusual(arrival) or shut_ns < 0
        if is_key:
            group_ns = now_ns - (self._key_ns or now_ns)
            self._key_ns = now_ns
            self._floor.key_frame()
        else:
            group_ns = 0
            wakes |= self._floor.rises(arrival.size, is_still=shut_ns >= 0)
        if not self.is_asleep:
            self._group_ns = group_ns or self._group_ns
            if wakes or not is_key or not self._may_sleep(now_ns, shut_ns):
                return None
            self.is_asleep = True
            self._looked_ns = now_ns
            self._keep_from(packet, arrival.size)
            return DecodePlan((packet,), is_look=True)
        if wakes or self._must_catch_up(now_ns, interval_ns):
            return self._wake(packet, now_ns, is_key=is_key)
        if not is_key:
            self._kept.append(packet)
            self._kept_bytes += arrival.size
            return DecodePlan(())
        self._group_ns = group_ns
        self._keep_from(packet, arrival.size)
        if now_ns - self._looked_ns + group_ns <= _LOOK_NS + group_ns // 8:
            return DecodePlan(())
        self._looked_ns = now_ns
        return DecodePlan((packet,), is_look=True)

    def _may_sleep(self, now_ns: int, shut_ns: int) -> bool:
        return (
            shut_ns >= _SETTLED_NS
            and now_ns - self._woken_ns >= _AWAKE_NS
            and self._floor.is_calm
            and self._floor.mean_bytes <= _MOST_BYTES_PER_PIXEL * self.pixels
            and 0 < self._group_ns <= self._longest_ns
        )

    def _must_catch_up(self, now_ns: int, interval_ns: int) -> bool:
        """Whether a frame has to pass, or too much is kept."""
        late_ns = now_ns - (self._key_ns or now_ns) - self._group_ns * _LATE_SHARE
        return (
            late_ns > 0
            or self._kept_bytes > _MOST_KEPT_BYTES
            # Rather early than late, as the gate.
            or now_ns + interval_ns + self._period_ns > self._scene.due_ns
        )

    def _is_unusual(self, arrival: QueuedPacket) -> bool:
        """Whether a packet is damaged or one is missing."""
        before, now = self._pts, arrival.pts
        is_upset, self._is_upset = self._is_upset, False
        if arrival.is_damaged or now is None:
            return True
        if before is None:
            self._pts = now
            return is_upset
        step = now - before
        if step <= 0:
            # With B-frames later pictures come first, a few at most.
            if -step <= self._pts_step * _MOST_REORDERED:
                return is_upset
            self._pts = now
            return True
        self._pts = now
        is_jump = 0 < self._pts_step * _STEP_SHARE < step
        self._pts_step = step if is_jump else max(step, self._pts_step * _STEP_FORGOTTEN)
        return is_upset or is_jump

    def _keep_from(self, packet: Packet, size: int) -> None:
        self._kept, self._kept_bytes = [packet], size

    def _wake(self, packet: Packet, now_ns: int, *, is_key: bool) -> DecodePlan[Packet]:
        kept, self._kept = self._kept, []
        self.is_asleep, self._woken_ns = False, now_ns
        # A key frame needs nothing of what was before it.
        return DecodePlan((packet,)) if is_key else DecodePlan((*kept, packet), past=len(kept))
