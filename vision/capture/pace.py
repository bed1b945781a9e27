"""The pace: which of the decoded frames are worth converting."""

from __future__ import annotations


class Pace:
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
