"""A process that watches a camera through one connection after the other.

``python -m tests.faults.reconnects URL COUNT`` runs the capture worker as the ingest process
does, without its pauses. It prints a line at the first frame of each connection, and after
the last a JSON line with what it held after a fifth of them and at the end. Free memory that
the allocator keeps for later is given back before each look: it goes up and down by a few
MiB (measured: 67 to 71 of them over 2,000 connections) and would hide what really stays.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import sys
import threading

from tests.support.worker_processes import resources_of
from vision.capture.address import RtspAddress
from vision.capture.worker import CaptureWorker, Tuning
from vision.config.camera import MotionSettings
from vision.domain.errors import SourceError
from vision.domain.frame import Frame

_WARM_UP = 5


class _Sink:
    """Takes every frame and keeps none."""

    def put(self, _: Frame) -> bool:
        """Take it."""
        return True


def main(url: str, count: int) -> None:
    """Connect ``count`` times."""
    online = [0]

    def on_online(_: str) -> None:
        online[0] += 1
        print(online[0], flush=True)  # noqa: T201  whoever started it waits for the line

    worker = CaptureWorker(
        camera="front",
        run=1,
        tuning=Tuning(30, 10, 30, MotionSettings()),
        long_side=320,
        sink=_Sink(),
        on_online=on_online,
        on_clock_step=lambda _: None,
        on_frozen=lambda _: None,
    )
    stop, held = threading.Event(), []
    while online[0] < count:
        try:
            worker.capture(RtspAddress(url), stop)
        except SourceError:
            if online[0] in {count // _WARM_UP, count}:
                gc.collect()
                ctypes.CDLL(None).malloc_trim(0)
                now = resources_of(os.getpid())
                assert now is not None
                held.append((now.rss_mib, now.fds, threading.active_count()))
    print(json.dumps(held), flush=True)  # noqa: T201  as above


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
