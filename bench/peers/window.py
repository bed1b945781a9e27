"""What a peer's runner counts: results by camera, in a window after a warm-up."""

from __future__ import annotations

import argparse
import json
import os
import resource
import threading
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import stamp


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all runners share."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--streams", type=Path, required=True, help="an RTSP URL a line")
    options.add_argument("--model", type=Path, required=True)
    options.add_argument("--height", type=int, required=True)
    options.add_argument("--width", type=int, required=True)
    options.add_argument("--warm-up-s", type=float, required=True)
    options.add_argument("--seconds", type=float, required=True)
    return options


class Window:
    """Opens when each camera has had a result and the warm-up is over; thread-safe."""

    def __init__(self, cameras: int, warm_up_s: float, seconds: float) -> None:
        self._cameras, self._warm_up_s, self._seconds = cameras, warm_up_s, seconds
        self._started_s = time.monotonic()
        self._first_s: float | None = None
        self._heard: set[int] = set()
        self._opens_s = float("inf")
        self._used_s = 0.0
        self._seen: list[tuple[int, int, int]] = []
        self._lock = threading.Lock()
        self._answer: dict[str, Any] = {}
        self.over = threading.Event()

    def seen(self, camera: int, picture: NDArray[np.uint8]) -> None:
        """Count a result; ``picture`` is the camera's, in which the frame's number stands."""
        now_ns, now_s = time.time_ns(), time.monotonic()
        with self._lock:
            if self.over.is_set():
                return
            if self._first_s is None:
                self._first_s = now_s - self._started_s
            self._heard.add(camera)
            if len(self._heard) == self._cameras and self._opens_s == float("inf"):
                self._opens_s = now_s + self._warm_up_s
            if now_s < self._opens_s:
                self._used_s = _cpu_s()
            elif now_s < self._opens_s + self._seconds:
                number = stamp.read(picture)
                self._seen.append((camera, now_ns, -1 if number is None else number))
            else:
                self._close(now_s)

    def _close(self, now_s: float) -> None:
        elapsed_s = now_s - self._opens_s
        self._answer = {
            "seconds": elapsed_s,
            "seen": self._seen,
            "cpu_s": _cpu_s() - self._used_s,
            "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "first_s": self._first_s,
        }
        self.over.set()

    def answer(self, packages: list[str]) -> None:
        """Print what was counted, with the versions of ``packages``, and end the process.

        At once: threads that wait for a camera must not keep it.
        """
        versions = {name: metadata.version(name) for name in packages}
        print(json.dumps({**self._answer, "versions": versions}), flush=True)
        os._exit(0)


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system
