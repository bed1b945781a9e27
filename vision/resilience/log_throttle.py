"""Damping of repeated log lines: one line a period, with the count of those held back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# Kinds remembered: a kind may be a whole line, and there are ever new ones.
_MOST_KINDS = 1024


class LogThrottle:
    """Says when a kind of event may be logged again. Thread-safe."""

    def __init__(
        self, period_s: float = 1.0, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._period_s = period_s
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._next_s: dict[str, float] = {}
        self._held: dict[str, int] = {}

    def admit(self, kind: str) -> int:
        """Count one event of ``kind``.

        Returns:
            0 when it is to be held back, else how many events this line stands for.
        """
        now_s = self._clock_s()
        with self._lock:
            if now_s < self._next_s.get(kind, now_s):
                self._held[kind] = self._held.get(kind, 0) + 1
                return 0
            if len(self._next_s) >= _MOST_KINDS:
                self._forget(now_s)
            self._next_s[kind] = now_s + self._period_s
            return self._held.pop(kind, 0) + 1

    def _forget(self, now_s: float) -> None:
        """Drop the kinds that have been quiet for a period, and all if there are none."""
        self._next_s = {kind: at_s for kind, at_s in self._next_s.items() if at_s > now_s}
        if len(self._next_s) >= _MOST_KINDS:
            self._next_s.clear()
        self._held = {kind: held for kind, held in self._held.items() if kind in self._next_s}
