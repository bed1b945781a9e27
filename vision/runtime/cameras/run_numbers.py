"""Numbers of runs: UTC milliseconds, but always greater than the run before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping


class RunNumbers:
    """Numbers the runs of all cameras. Thread-safe.

    Stream ids begin with the run, and Redis takes rising ids only: a clock that went back
    must not shut a camera out of its own stream.
    """

    def __init__(self, newest: Mapping[str, int], utc_ns: Callable[[], int] = time.time_ns) -> None:
        """``newest`` holds the run of each camera's newest stream entry, as far as known."""
        self._lock = threading.Lock()
        self._newest = dict(newest)
        self._utc_ns = utc_ns

    def next(self, camera: str) -> int:
        """A number for a run of ``camera`` that begins now."""
        with self._lock:
            run = max(self._utc_ns() // 1_000_000, self._newest.get(camera, 0) + 1)
            self._newest[camera] = run
            return run
