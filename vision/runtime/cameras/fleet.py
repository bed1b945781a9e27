"""All cameras of a node: a monitor and a supervised ingest process for each."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from vision.config.core import LogSettings
from vision.config.settings import Settings
from vision.domain.run_ids import RunIds
from vision.domain.status import CameraStatus
from vision.frames.latest_frame_slot import LatestFrames
from vision.runtime.cameras.monitor import CameraMonitor
from vision.runtime.cameras.supervisor import IngestSupervisor
from vision.runtime.ingest.protocol import IngestTask
from vision.runtime.reload.plan import Action, Cameras, DesiredCamera, Step, plan
from vision.telemetry.camera_view import CameraView

_log = logging.getLogger(__name__)
# A worker ends its session with the camera first; after this it is killed.
_SHUTDOWN_GRACE_S = 2.0
# Prometheus asks at least once in this time.
_REMOVED_S = 300.0


@dataclass(frozen=True, slots=True)
class Workplace:
    """What ingest processes need of the node.

    Attributes:
        frames: Where their frames go.
        long_side: Longest side of a frame, pixels.
        runs: Numbers their runs, and knows those on Redis as far as possible.
    """

    frames: LatestFrames
    long_side: int
    runs: RunIds


@dataclass(slots=True)
class _Running:
    """One camera."""

    camera: DesiredCamera
    monitor: CameraMonitor
    supervisor: IngestSupervisor | None = None
    thread: threading.Thread | None = None


class CameraFleet:
    """Starts, watches, changes and stops the cameras that are wanted. Thread-safe."""

    def __init__(
        self, settings: Settings, cameras: Cameras, on_status: Callable[[CameraStatus], None]
    ) -> None:
        """Have a monitor for each of ``cameras``; none of them starts yet."""
        self._settings = settings
        self._on_status = on_status
        self._lock = threading.RLock()
        self._cameras = {
            name: _Running(camera, CameraMonitor(name, on_status))
            for name, camera in cameras.items()
        }
        self._logs = settings.logs
        self._workplace: Workplace | None = None
        # Those that were removed and whose worker may not be gone yet.
        self._leaving: dict[str, _Running] = {}
        self._removed: dict[str, tuple[_Running, float]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All cameras, in the order of the settings; those that are off too."""
        return tuple(self._cameras)

    def monitor(self, name: str) -> CameraMonitor | None:
        """What is known of a camera; None of one that was removed."""
        running = self._cameras.get(name)
        return running.monitor if running else None

    def count_skipped(self, camera: str, reason: str, count: int) -> None:
        """Count frames that will not be inferred."""
        monitor = self.monitor(camera)
        if monitor is not None:
            monitor.on_skipped(reason, count)

    def views(self) -> list[CameraView]:
        """All cameras at a glance, in the order of the settings."""
        return [running.monitor.view() for running in list(self._cameras.values())]

    def metric_views(self) -> list[CameraView]:
        """As :meth:`views`, with cameras that were removed within the last minutes.

        A scrape has to see that they were: else they look like cameras that are lost.
        """
        now_s = time.monotonic()
        self._removed = {
            name: (running, until_s)
            for name, (running, until_s) in self._removed.items()
            if until_s > now_s and name not in self._cameras
        }
        return self.views() + [running.monitor.view() for running, _ in self._removed.values()]

    def start(self, workplace: Workplace) -> None:
        """Start an ingest process for each camera that is on."""
        with self._lock:
            self._workplace = workplace
            for name, running in self._cameras.items():
                self._start(name, running, workplace)

    def apply(self, settings: Settings, cameras: Cameras) -> list[Action]:
        """Go from the cameras that run to ``cameras``; returns the steps that were taken.

        Cameras that did not change notice nothing of it.
        """
        with self._lock:
            self._settings = settings
            actions = plan(cameras, {name: one.camera for name, one in self._cameras.items()})
            for action in actions:
                self._take(action)
            self._order_as(cameras)
            # What decides nothing at the moment, as a schedule while the camera is on.
            for name, camera in cameras.items():
                self._cameras[name].camera = camera
        return actions

    def check_stalls(self) -> None:
        """Look for cameras that have gone quiet; to be called about twice a second."""
        for running in list(self._cameras.values()):
            running.monitor.check_stall()

    def apply_log_settings(self, logs: LogSettings) -> None:
        """Have all ingest processes log in this way, those to come included."""
        with self._lock:
            self._logs = logs
            for running in self._cameras.values():
                if running.supervisor is not None:
                    running.supervisor.apply_log_settings(logs)

    def stop(self) -> None:
        """End all ingest processes and wait until they are gone."""
        with self._lock:
            self._workplace = None
            everybody = [*self._cameras.values(), *self._leaving.values()]
            for running in self._cameras.values():
                if running.supervisor is not None:
                    running.supervisor.stop()
        _join(everybody)

    def _take(self, action: Action) -> None:
        name, camera = action.name, action.camera
        if camera is None:
            self._remove(name)
            return
        if action.step is Step.ADD:
            running = self._cameras[name] = _Running(camera, CameraMonitor(name, self._on_status))
            if self._workplace:
                self._start(name, running, self._workplace)
            return
        running = self._cameras[name]
        running.camera = camera
        if running.supervisor is None:
            return
        if action.step is Step.RETUNE:
            running.supervisor.retune(camera.settings)
        else:
            _warn_if_unverified(name, camera)
            running.supervisor.replace(camera.settings, camera.switch)

    def _start(self, name: str, running: _Running, workplace: Workplace) -> None:
        _warn_if_unverified(name, running.camera)
        task = IngestTask(
            name=name,
            camera=running.camera.settings,
            run=0,
            long_side=workplace.long_side,
            max_rss_mib=self._settings.ingest.max_rss_mib,
            secrets_dir=self._settings.secrets_dir,
            logs=self._logs,
        )
        supervisor = running.supervisor = IngestSupervisor(
            task,
            workplace.frames,
            running.monitor,
            partial(workplace.runs.next, name),
            running.camera.switch,
        )
        before = self._leaving.pop(name, None)

        def serve() -> None:
            if before is not None:
                # Its last word comes before the first of this one.
                _join([before])
            supervisor.run()

        thread = threading.Thread(target=serve, name=f"ingest-{name}", daemon=True)
        running.thread = thread
        thread.start()

    def _remove(self, name: str) -> None:
        running = self._cameras.pop(name)
        self._removed[name] = running, time.monotonic() + _REMOVED_S
        if running.supervisor is not None:
            running.supervisor.remove()
            self._leaving[name] = running
        for gone in [name for name, one in self._leaving.items() if not _is_alive(one)]:
            del self._leaving[gone]
        if running.thread is not None:
            threading.Thread(
                target=_join, args=([running],), name=f"remove-{name}", daemon=True
            ).start()

    def _order_as(self, cameras: Mapping[str, DesiredCamera]) -> None:
        if list(self._cameras) != list(cameras):
            self._cameras = {name: self._cameras[name] for name in cameras}


def _is_alive(running: _Running) -> bool:
    return running.thread is not None and running.thread.is_alive()


def _join(cameras: Iterable[_Running]) -> None:
    """Wait until the workers are gone, and kill those that do not go."""
    cameras = list(cameras)
    give_up_s = time.monotonic() + _SHUTDOWN_GRACE_S
    for running in cameras:
        if running.thread is not None and running.supervisor is not None:
            running.thread.join(max(0.0, give_up_s - time.monotonic()))
            if running.thread.is_alive():
                running.supervisor.kill()
    for running in cameras:
        if running.thread is not None:
            running.thread.join()


def _warn_if_unverified(name: str, camera: DesiredCamera) -> None:
    if camera.switch.is_on and camera.settings.is_unverified:
        _log.warning(
            "camera.tls_unverified camera=%s reason=anybody on the way can pass for it: "
            "name its authority in tls.ca_file instead of tls.verify: false",
            name,
        )
