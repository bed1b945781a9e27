"""Whether a frame is too old to be inferred: by what its camera can do, not by its clock alone."""

from __future__ import annotations

from dataclasses import dataclass

from vision.domain.frame import ClockSource, FrameMeta

# How long the freshest frame of a camera is remembered at least, in time and in frames.
_PERIOD_NS = 5_000_000_000
_PERIOD_FRAMES = 3


@dataclass(slots=True)
class _Freshest:
    """The least age on arrival among a camera's frames, in this period and the one before."""

    since_ns: int
    age_ns: int
    before_ns: int
    frames: int = 0

    def add(self, age_ns: int, at_ns: int) -> int:
        """Take a frame in; the least age of both periods."""
        if at_ns - self.since_ns > _PERIOD_NS and self.frames >= _PERIOD_FRAMES:
            self.before_ns, self.since_ns, self.age_ns, self.frames = self.age_ns, at_ns, age_ns, 0
        self.frames += 1
        self.age_ns = min(self.age_ns, age_ns)
        return min(self.age_ns, self.before_ns)


class Staleness:
    """Judges frames, camera by camera; for one thread.

    The age of a frame is the time since its capture. But where even the freshest frames of a
    camera are old on arrival, because its clock is slow or it sends one frame in several
    seconds, waiting for younger ones is vain: nothing of it would ever be inferred. There a
    frame's age is the time since its arrival and how much later than the freshest it came.
    """

    def __init__(self, max_age_ns: int) -> None:
        self._max_age_ns = max_age_ns
        self._freshest: dict[str, _Freshest] = {}

    def is_stale(self, meta: FrameMeta, now_mono_ns: int) -> bool:
        """Whether the frame is older than it may be."""
        age_ns = meta.age_ns(now_mono_ns)
        # By arrival nothing is known of the time before.
        if meta.clock is ClockSource.RTCP:
            least_ns = self._least_on_arrival_ns(meta)
            if least_ns > self._max_age_ns // 2:
                age_ns -= least_ns
        return age_ns > self._max_age_ns

    def _least_on_arrival_ns(self, meta: FrameMeta) -> int:
        on_arrival_ns = max(0, meta.received_ns - meta.captured_ns)
        known = self._freshest.get(meta.camera)
        if known is None:
            # There is nothing to compare the first one with.
            first = _Freshest(meta.received_mono_ns, on_arrival_ns, on_arrival_ns)
            self._freshest[meta.camera] = first
            return 0
        return known.add(on_arrival_ns, meta.received_mono_ns)
