"""An ingest worker under its supervisor, and what comes out of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import PATIENCE_S, wait_until
from vision.config.camera import CameraSettings
from vision.config.core import LogSettings
from vision.domain.frame import FrameMeta, Image
from vision.domain.status import CameraState, CameraStatus
from vision.frames.latest_frame_slot import LatestFrames
from vision.runtime.cameras.monitor import CameraMonitor
from vision.runtime.cameras.supervisor import IngestSupervisor
from vision.runtime.ingest.protocol import IngestTask


class Ingest:
    """Takes every frame as soon as it comes and remembers what it saw."""

    def __init__(self, camera: CameraSettings, secrets_dir: Path | None, max_rss_mib: int) -> None:
        self.statuses: list[CameraStatus] = []
        self.metas: list[FrameMeta] = []
        self.newest_image: Image | None = None
        self.overtaken = 0
        self.frames = LatestFrames(self._skipped)
        self.monitor = CameraMonitor("front", self.statuses.append)
        self._run = time.time_ns() // 1_000_000
        task = IngestTask(
            "front", camera, 0, 640, max_rss_mib, secrets_dir, LogSettings(level="warning")
        )
        self.supervisor = IngestSupervisor(task, self.frames, self.monitor, self._next_run)
        self._reading = True
        self._threads = [
            threading.Thread(target=self.supervisor.run),
            threading.Thread(target=self._read),
        ]

    @property
    def states(self) -> list[CameraState]:
        """The states in the order they were told, repetitions left out."""
        told = [status.state for status in self.statuses]
        return [state for number, state in enumerate(told) if told[number - 1 : number] != [state]]

    def wait_for_frames(self, count: int) -> None:
        """Wait until ``count`` more frames were seen."""
        wanted = len(self.metas) + count
        wait_until(lambda: len(self.metas) >= wanted, f"{count} frames, states {self.states}")

    def wait_for_state(self, state: CameraState) -> None:
        """Wait until the camera is in ``state``."""
        wait_until(lambda: self.monitor.state is state, f"{state}, states {self.states}")

    def start(self) -> None:
        """Start the worker."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop the worker and wait until it is gone."""
        self.supervisor.stop()
        self._threads[0].join(PATIENCE_S)
        self._reading = False
        self.frames.wake()
        self._threads[1].join(PATIENCE_S)

    def _read(self) -> None:
        while self._reading:
            for lease in self.frames.take(1, PATIENCE_S):
                self.newest_image = lease.frame.image.copy()
                self.metas.append(lease.frame.meta)
                lease.release()

    def _next_run(self) -> int:
        self._run += 1
        return self._run

    def _skipped(self, camera: str, reason: str, count: int) -> None:
        assert (camera, reason) == ("front", "overtaken")
        self.overtaken += count


@contextmanager
def ingesting(
    url: str, secrets_dir: Path | None = None, *, max_rss_mib: int = 0, **settings: object
) -> Iterator[Ingest]:
    """An ingest worker for the camera at ``url``."""
    ingest = Ingest(
        CameraSettings.model_validate({"url": url} | settings), secrets_dir, max_rss_mib
    )
    ingest.start()
    try:
        yield ingest
    finally:
        ingest.stop()
