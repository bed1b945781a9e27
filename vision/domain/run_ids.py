"""Numbers of runs: UTC milliseconds, but always greater than the run before."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

# Runs of a camera that may still have messages on their way.
_REMEMBERED = 64


class NumberedRun(NamedTuple):
    """What a frame's run is called on Redis.

    Attributes:
        run: Its number there.
        offset: What to subtract from the frame's own ``seq``.
    """

    run: int
    offset: int


class RunIds:
    """Numbers the runs of all cameras. Thread-safe.

    Stream ids begin with the run, and Redis takes rising ids only: a clock that went back
    must not shut a camera out of its own stream. Where Redis turns out to be ahead of a run that
    has begun already, the run is raised: its frames keep their numbers inside the node and go by
    greater ones on Redis.
    """

    def __init__(
        self, newest: Mapping[str, int] | None = None, utc_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """``newest`` holds the run of each camera's newest stream entry, as far as known."""
        self._lock = threading.Lock()
        self._newest = dict(newest or {})
        self._ours: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=_REMEMBERED))
        self._raised: dict[tuple[str, int], NumberedRun] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._utc_ns = utc_ns

    def listen(self, on_raised: Callable[[str], None]) -> None:
        """Have ``on_raised`` called with the camera whenever a run of it was raised."""
        self._listeners.append(on_raised)

    def learn(self, camera: str, run: int) -> None:
        """Note a run that Redis knows of: those that begin later will be greater."""
        with self._lock:
            self._newest[camera] = max(run, self._newest.get(camera, 0))

    def next(self, camera: str) -> int:
        """A number for a run of ``camera`` that begins now."""
        with self._lock:
            run = max(self._utc_ns() // 1_000_000, self._newest.get(camera, 0) + 1)
            self._note(camera, run)
            return run

    def is_ours(self, camera: str, run: int) -> bool:
        """Whether the number was given out here."""
        with self._lock:
            return run in self._ours[camera]

    def number(self, camera: str, run: int) -> NumberedRun:
        """What ``run`` goes by on Redis now."""
        offset = 0
        with self._lock:
            while raised := self._raised.get((camera, run)):
                run, offset = raised.run, offset + raised.offset
        return NumberedRun(run, offset)

    def raise_above(self, camera: str, run: int, newest: int, told: int) -> int:
        """Let ``run`` go by a number greater than ``newest`` and than all that were given out.

        Its frames after number ``told`` are counted from 1 there. Returns the new number.
        """
        with self._lock:
            raised = max(newest, run, self._newest.get(camera, 0)) + 1
            self._raised[camera, run] = NumberedRun(raised, told)
            self._note(camera, raised)
        for on_raised in self._listeners:
            on_raised(camera)
        return raised

    def _note(self, camera: str, run: int) -> None:
        self._newest[camera] = run
        self._ours[camera].append(run)
