"""A circuit breaker: who failed lately is not asked, and then asked once to see.

After "Release It!" (M. Nygard): closed, open, half-open.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum


class BreakerState(StrEnum):
    """Whether a service is asked."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    """One question at a time, to see whether it works again."""


class Breaker:
    """Counts failures in a row; for one thread.

    Whoever was admitted tells what came of it by exactly one of :meth:`succeed`, :meth:`fail`
    and :meth:`withdraw`.
    """

    def __init__(
        self, failures: int, rest_s: float, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Open after ``failures`` in a row, and for ``rest_s`` seconds."""
        self._failures = failures
        self._rest_s = rest_s
        self._clock_s = clock_s
        self._failed = 0
        self._open_until_s: float | None = None
        self._is_probing = False

    @property
    def state(self) -> BreakerState:
        """Whether the service is asked now."""
        if self._open_until_s is None:
            return BreakerState.CLOSED
        is_due = self._clock_s() >= self._open_until_s
        return BreakerState.HALF_OPEN if is_due else BreakerState.OPEN

    def admit(self) -> bool:
        """Whether to ask now; half-open, the first who wants to is the one who tries."""
        state = self.state
        if state is BreakerState.CLOSED:
            return True
        if state is BreakerState.OPEN or self._is_probing:
            return False
        self._is_probing = True
        return True

    def succeed(self) -> None:
        """It answered: ask it as before."""
        self._failed = 0
        self._open_until_s = None
        self._is_probing = False

    def fail(self, rest_s: float | None = None) -> None:
        """It failed; with ``rest_s`` it is not asked for that long, however few failures."""
        self._failed += 1
        is_trial = self._open_until_s is not None
        self._is_probing = False
        if rest_s is not None or is_trial or self._failed >= self._failures:
            self._open_until_s = self._clock_s() + (self._rest_s if rest_s is None else rest_s)

    def withdraw(self) -> None:
        """It was not asked after all."""
        self._is_probing = False

    def retry_now(self) -> None:
        """Why it failed was mended: the next question is a trial."""
        if self._open_until_s is not None:
            self._open_until_s = self._clock_s()
