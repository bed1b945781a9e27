"""Which decoded frames are worth converting: the rate limit, then the motion gate."""

from __future__ import annotations

from vision.capture.counters import CaptureCounters
from vision.capture.motion import MotionDetector
from vision.capture.thumbnail import Grey
from vision.config.camera import MotionSettings


class RateLimiter:
    """Lets at most ``fps`` frames a second through, evenly and without drift.

    Frames are due on a grid, so that 25 frames a second paced to 10 give 10 and not 8.3.
    """

    def __init__(self, fps: float) -> None:
        self._period_ns = round(1e9 / fps)
        # A camera at just this rate arrives a little early half of the time.
        self._tolerance_ns = self._period_ns // 4
        self._due_ns: int | None = None

    def admit(self, received_mono_ns: int) -> bool:
        """Whether the frame that arrived at this monotonic time is due."""
        if self._due_ns is None:
            self._due_ns = received_mono_ns
        if received_mono_ns < self._due_ns - self._tolerance_ns:
            return False
        # Due again at once and no more: after a stall there is no burst to catch up.
        self._due_ns = max(self._due_ns + self._period_ns, received_mono_ns)
        return True

    def take(self, received_mono_ns: int) -> bool:
        """Whether a frame that came early can have the next turn; then that is taken."""
        due_ns = self._due_ns
        if due_ns is not None and received_mono_ns < due_ns - self._period_ns:
            return False
        self._due_ns = max((due_ns or received_mono_ns) + self._period_ns, received_mono_ns)
        return True


class MotionGate:
    """Decides which of the frames that the pace admits are inferred; one per connection.

    It is open from a movement until ``hold_s`` after the last one. While it is shut, it holds
    frames back, all but one each ``refresh_s``.
    """

    def __init__(self, settings: MotionSettings, counters: CaptureCounters) -> None:
        """Decide by ``settings`` and count in ``counters``, which go on over connections."""
        self._detector = MotionDetector(settings.threshold)
        self._counters = counters
        self.retune(settings)
        counters.gate_closed = counters.gate_opened
        self._is_open = False
        self._moved_ns = 0
        self._passed_ns = 0
        self._seen_ns = 0
        self._shut_ns: int | None = None

    def retune(self, settings: MotionSettings) -> None:
        """Decide by ``settings`` from now on; what was learned of the scene stays."""
        self._detector.retune(settings.threshold)
        self._hold_ns = round(settings.hold_s * 1e9)
        self._refresh_ns = round(settings.refresh_s * 1e9)

    @property
    def due_ns(self) -> int:
        """CLOCK_MONOTONIC by when the next frame has to pass."""
        return self._passed_ns + self._refresh_ns

    def shut_for_ns(self, mono_ns: int) -> int:
        """For how long it has been shut; negative while it is open or has seen nothing."""
        return -1 if self._shut_ns is None else mono_ns - self._shut_ns

    def observe(self, thumbnail: Grey, mono_ns: int) -> None:
        """See the frame that arrived at ``mono_ns``, whether or not it can pass."""
        self._seen_ns = mono_ns
        if self._detector.moves(thumbnail, mono_ns):
            self._moved_ns = mono_ns
            if not self._is_open:
                self._is_open, self._shut_ns = True, None
                self._counters.gate_opened += 1
        elif self._is_open and mono_ns - self._moved_ns > self._hold_ns:
            self._is_open, self._shut_ns = False, mono_ns
            self._counters.gate_closed += 1

    def admit(self, thumbnail: Grey, mono_ns: int, next_ns: int | None = None) -> bool:
        """Whether the frame that arrived at ``mono_ns`` is to be inferred.

        The one after it is expected at ``next_ns``, or as much later as this one came after the
        last.
        """
        if next_ns is None:
            next_ns = mono_ns + (mono_ns - self._seen_ns)
        self.observe(thumbnail, mono_ns)
        # Rather early than late: when the frame after this one comes, the time may be over.
        if not self._is_open and next_ns <= self.due_ns:
            self._counters.gated += 1
            return False
        self._passed_ns = mono_ns
        return True
