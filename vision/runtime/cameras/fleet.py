"""All cameras of a node: a monitor and a supervised ingest process for each."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from vision.config.core import LogSettings
from vision.config.settings import Settings
from vision.domain.run_ids import RunIds
from vision.domain.status import CameraStatus
from vision.frames.latest_frame_slot import LatestFrames
from vision.runtime.cameras.monitor import CameraMonitor
from vision.runtime.cameras.supervisor import IngestSupervisor
from vision.runtime.ingest.protocol import IngestTask
from vision.telemetry.camera_view import CameraView

_log = logging.getLogger(__name__)
# A worker says goodbye to its camera first; after this it is ended.
_GOODBYE_S = 2.0


class CameraFleet:
    """Starts, watches and stops the cameras of the configuration."""

    def __init__(self, settings: Settings, on_status: Callable[[CameraStatus], None]) -> None:
        self._settings = settings
        self._logs = settings.logs
        self.monitors = {name: CameraMonitor(name, on_status) for name in settings.active_cameras}
        self._supervisors: list[IngestSupervisor] = []
        self._threads: list[threading.Thread] = []

    def views(self) -> list[CameraView]:
        """All cameras at a glance, in the order of the configuration."""
        return [monitor.view() for monitor in self.monitors.values()]

    def start(self, frames: LatestFrames, long_side: int, runs: RunIds) -> None:
        """Start an ingest process per camera.

        Args:
            frames: Where their frames go.
            long_side: Longest side of a frame, pixels.
            runs: What numbers their runs, and knows those on Redis as far as possible.
        """
        for name, monitor in self.monitors.items():
            if self._settings.cameras[name].is_unverified:
                _log.warning(
                    "camera.tls_unverified camera=%s reason=anybody on the way can pass for it: "
                    "name its authority in tls.ca_file instead of tls.verify: false",
                    name,
                )
            task = IngestTask(
                name=name,
                camera=self._settings.cameras[name],
                run=0,
                long_side=long_side,
                max_rss_mib=self._settings.ingest.max_rss_mib,
                secrets_dir=self._settings.secrets_dir,
                logs=self._logs,
            )
            supervisor = IngestSupervisor(task, frames, monitor, partial(runs.next, name))
            thread = threading.Thread(target=supervisor.run, name=f"ingest-{name}", daemon=True)
            self._supervisors.append(supervisor)
            self._threads.append(thread)
            thread.start()

    def check_stalls(self) -> None:
        """Look for cameras that have gone quiet; to be called about twice a second."""
        for monitor in self.monitors.values():
            monitor.check_stall()

    def apply_log_settings(self, logs: LogSettings) -> None:
        """Have all ingest processes log in this way, those to come included."""
        self._logs = logs
        for supervisor in self._supervisors:
            supervisor.apply_log_settings(logs)

    def stop(self) -> None:
        """End all ingest processes and wait until they are gone."""
        for supervisor in self._supervisors:
            supervisor.stop()
        give_up_s = time.monotonic() + _GOODBYE_S
        for supervisor, thread in zip(self._supervisors, self._threads, strict=True):
            thread.join(max(0.0, give_up_s - time.monotonic()))
            if thread.is_alive():
                supervisor.kill()
        for thread in self._threads:
            thread.join()
