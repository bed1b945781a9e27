"""Deadlines judged by somebody who may have stood still himself.

A process that is stopped, frozen with its container or kept from the processor finds every
deadline passed when it goes on, though nobody had a chance to keep it: what was said meanwhile
is still unread, and whoever was to say it may have stood still as well. The time it stood still
shows as a turn of its own loop that took far too long, and such time is not to count.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

# By so much a thread may be late on a busy machine without having stood still.
_LATE_S = 0.5


class _Turn(NamedTuple):
    at_s: float
    awake_s: float


class SuspensionAwareClock:
    """A clock for the deadlines of one loop: what the loop stood still for does not count.

    One thread turns, any may read.
    """

    def __init__(self, most_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        """A turn that takes longer than ``most_s`` seconds counts as one of ``most_s``."""
        self._most_s = most_s
        self._clock_s = clock_s
        now_s = clock_s()
        self._last = _Turn(now_s, now_s)

    def tick(self) -> float:
        """Note that the loop has come around; the seconds it stood still, 0 for a usual turn."""
        now_s, last = self._clock_s(), self._last
        passed_s = max(0.0, now_s - last.at_s)
        counted_s = min(passed_s, self._most_s)
        self._last = _Turn(now_s, last.awake_s + counted_s)
        return passed_s - counted_s

    def __call__(self) -> float:
        """Seconds, only to be compared with each other."""
        last = self._last
        # A thread that goes on first does not see the time either that the loop has to judge.
        return last.awake_s + min(max(0.0, self._clock_s() - last.at_s), self._most_s)


class DeadlineWatch:
    """Whether a deadline that another thread keeps setting anew has passed; for one loop."""

    def __init__(self, most_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        """``most_s`` as of :class:`SuspensionAwareClock`."""
        self._awake = SuspensionAwareClock(most_s, clock_s)
        self._clock_s = clock_s
        self._due_s = 0.0
        self._excused_s = 0.0
        self.stood_s = 0.0
        """How long the loop stood still before its newest turn."""

    def tick(self, due_s: float) -> bool:
        """Whether ``due_s`` has passed while this loop was awake; 0 for no deadline."""
        self.stood_s = self._awake.tick()
        if due_s != self._due_s:
            self._due_s, self._excused_s = due_s, 0.0
        # Set before or while the loop stood still: nobody can say, so the doubt is in its favour.
        self._excused_s += self.stood_s
        return due_s > 0 and due_s + self._excused_s < self._clock_s()


def hears(
    poll: Callable[[float], bool],
    within_s: float,
    look_s: float,
    clock_s: Callable[[], float] = time.monotonic,
) -> bool:
    """Whether there is a word within ``within_s`` seconds of listening without a break.

    Args:
        poll: Waits for a word for so many seconds; whether there is one.
        within_s: How long to listen.
        look_s: For how long at a time. A look that took half a second more was interrupted, and
            all of the time is waited for anew.
        clock_s: By which that is seen.
    """
    awake = SuspensionAwareClock(look_s + _LATE_S, clock_s)
    heard_nothing_s = 0.0
    while heard_nothing_s < within_s:
        if poll(min(look_s, within_s - heard_nothing_s)):
            return True
        heard_nothing_s = 0.0 if awake.tick() else heard_nothing_s + look_s
    return False
