"""When to restart what died: at once while that is rare, later and later when it is not."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from vision.resilience.backoff import Backoff


class RestartPolicy:
    """At once for the first so many restarts within a time, then with backoff; one thread.

    One crash is bad luck and must cost as little as can be; many in a row are a fault that a
    restart does not mend, and must not eat the machine.
    """

    def __init__(
        self,
        at_once: int,
        window_s: float,
        backoff: Backoff,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Allow ``at_once`` restarts within ``window_s`` seconds, then ask ``backoff``.

        A whole window without a restart makes all well again: it has to be longer than the
        backoff's cap.
        """
        self._at_once = at_once
        self._window_s = window_s
        self._backoff = backoff
        self._clock_s = clock_s
        self._recent: deque[float] = deque()
        self._is_failing = False

    def next_s(self) -> float:
        """Seconds to wait before the restart that is due now."""
        now_s = self._clock_s()
        if not self._recent or now_s - self._recent[-1] > self._window_s:
            self._recent.clear()
            self._backoff.reset()
            self._is_failing = False
        while self._recent and now_s - self._recent[0] > self._window_s:
            self._recent.popleft()
        self._is_failing |= len(self._recent) >= self._at_once
        self._recent.append(now_s)
        return self._backoff.next_s() if self._is_failing else 0.0
