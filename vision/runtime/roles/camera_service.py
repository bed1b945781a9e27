"""What the roles that have ingest processes of their own have in common."""

from __future__ import annotations

from vision.config.core import LogSettings
from vision.config.settings import Settings
from vision.domain.run_ids import RunIds
from vision.publishing.writing.redis_publisher import RedisPublisher
from vision.runtime.cameras.fleet import CameraFleet
from vision.runtime.reload.plan import DesiredCamera, Step, switched_on
from vision.runtime.roles.service import Service, wanted_cameras


class CameraService(Service):
    """A role with an ingest process for each of its cameras, which come, change and go."""

    _fleet: CameraFleet
    _publisher: RedisPublisher
    _runs: RunIds

    def check_settings(self, settings: Settings) -> None:
        """Secret files; see :meth:`Service.check_settings`."""
        for name, camera in switched_on(self._mine(wanted_cameras(settings))).items():
            self.secrets.camera(name, camera)

    def apply_log_settings(self, logs: LogSettings) -> None:
        """Have the ingest processes log in this way."""
        self._fleet.apply_log_settings(logs)

    def _mine(self, cameras: dict[str, DesiredCamera]) -> dict[str, DesiredCamera]:
        """Those of ``cameras`` that this process serves."""
        return cameras

    def _check(self) -> None:
        self._fleet.check_stalls()

    def _learn_stream_runs(self, cameras: list[str]) -> None:
        """A clock that went back must not shut a camera out of its stream."""
        for camera, run in self._publisher.last_stream_runs(cameras).items():
            self._runs.learn(camera, run)

    def _follow(self, settings: Settings, cameras: dict[str, DesiredCamera]) -> None:
        mine = self._mine(cameras)
        if new := [name for name in mine if name not in self._fleet.names]:
            for name in new:
                self._node_metrics.know_camera(name)
            self._learn_stream_runs(new)
        for action in self._fleet.apply(settings, mine):
            self._log.info("camera.%s camera=%s", action.step.value, action.name)
            if action.step is Step.REMOVE:
                self._node_metrics.forget_camera(action.name)
                self.troubles.forget(action.name)
