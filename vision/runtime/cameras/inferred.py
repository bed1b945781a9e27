"""What an inference worker knows of cameras it has no settings of: they come with their frames."""

from __future__ import annotations

import threading
from collections.abc import Callable

from vision.domain.frame import FrameMeta
from vision.domain.status import CameraState, CameraStatus
from vision.runtime.cameras.monitor import CameraMonitor
from vision.telemetry.camera_view import CameraView


class InferredCameras:
    """A monitor for each camera that a frame came from. Thread-safe."""

    def __init__(self, on_status: Callable[[CameraStatus], None]) -> None:
        self._on_status = on_status
        self._lock = threading.Lock()
        self._monitors: dict[str, CameraMonitor] = {}

    def monitor(self, camera: str) -> CameraMonitor:
        """The monitor of a camera, new if need be."""
        with self._lock:
            known = self._monitors.get(camera)
            if known is None:
                known = self._monitors[camera] = CameraMonitor(camera, self._on_status)
            return known

    def on_frame(self, meta: FrameMeta) -> None:
        """Note a frame: its camera can be seen through, whatever happened before."""
        monitor = self.monitor(meta.camera)
        monitor.on_frame(meta)
        monitor.on_state(meta.run, CameraState.ONLINE, "frames arrive")

    def on_skipped(self, camera: str, reason: str, count: int) -> None:
        """Count frames that will not be inferred."""
        self.monitor(camera).on_skipped(reason, count)

    def forget(self, camera: str) -> None:
        """Show a camera no more, unless another frame of it comes."""
        with self._lock:
            self._monitors.pop(camera, None)

    def check_stalls(self) -> None:
        """Look for cameras that have gone quiet; to be called about twice a second."""
        for monitor in self._known():
            monitor.check_stall()

    def views(self) -> list[CameraView]:
        """All cameras at a glance, in the order of their names."""
        return sorted((monitor.view() for monitor in self._known()), key=lambda view: view.name)

    def _known(self) -> list[CameraMonitor]:
        with self._lock:
            return list(self._monitors.values())
