"""The ingest role: one camera's frames into the newest-frame slot on Redis."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping

from vision.config.core import LogSettings
from vision.config.settings import Settings
from vision.domain.errors import ConfigError
from vision.domain.message import status_message
from vision.domain.run_ids import RunIds
from vision.domain.status import CameraStatus
from vision.domain.trouble import Trouble
from vision.frames.latest_frame_slot import LatestFrames
from vision.frames.redis_writer import RedisFrameWriter
from vision.publishing.writing.redis_publisher import RedisPublisher
from vision.runtime.cameras.fleet import CameraFleet
from vision.runtime.components.certificates import tls_peers
from vision.runtime.components.descriptors import warn_if_short
from vision.runtime.components.fan_out import PublishMetrics, show_outbox
from vision.runtime.components.model_loading import picture_size
from vision.runtime.components.threads import RoleThreads
from vision.runtime.health.liveness import Liveness
from vision.runtime.health.role_liveness import (
    camera_facts,
    camera_reasons,
    redis_reason,
    spool_facts,
    stalled_threads,
)
from vision.runtime.roles.service import Service
from vision.telemetry.metrics import NodeMetrics

_PATIENCE_S = 0.5
# States only, a handful.
_DRAIN_S = 2.0


class IngestRole(Service):
    """Serves one camera in a supervised process and forwards its newest frame."""

    def __init__(self, settings: Settings, camera: str) -> None:
        """Prepare to serve ``camera``.

        Raises:
            ConfigError: There is no such camera, or a key or secret file is not in order.
        """
        self._camera = camera
        settings = _only(settings, camera)
        super().__init__(
            settings,
            f"ingest {camera}",
            log_prefix="ingest",
            log_fields={"camera": camera},
            cameras=settings.cameras,
        )
        self._ended = threading.Event()
        self._fleet = CameraFleet(settings, self._publish_status)
        self._runs = RunIds()
        metrics = NodeMetrics(self._fleet.views, "ingest", troubles=self.troubles)
        metrics.know_camera(camera)
        self.expose(metrics, tls_peers(settings.redis, settings.active_cameras))
        self._publisher = RedisPublisher(
            settings.redis,
            settings.publishing,
            self.redis_password,
            PublishMetrics(metrics, self.troubles),
            spool_name=f"ingest-{camera}",
            runs=self._runs,
        )
        show_outbox(metrics, self._publisher, settings.publishing)
        self._frames = LatestFrames(self._count_skipped)
        self._writer = RedisFrameWriter(
            settings.redis,
            self.redis_password,
            settings.inference.max_staleness_ms,
            self._count_skipped,
            self._runs,
            troubles=self.troubles,
        )
        self._forwarded = 0
        self._skipped: Counter[str] = Counter()
        self._last_heartbeat_ns = time.monotonic_ns()

    def _start(self, threads: RoleThreads) -> None:
        threads.start("publish", self._publisher.run, self._ended)
        # A clock that went back must shut the camera out of neither its stream nor its slot.
        for camera, run in self._publisher.last_stream_runs([self._camera]).items():
            self._runs.learn(camera, run)
        self._writer.learn(self._camera)
        threads.start("forward", self._forward)

    def _start_cameras(self) -> None:
        warn_if_short(self.settings)
        self._fleet.start(self._frames, picture_size(self.settings), self._runs)

    def _start_fields(self) -> Mapping[str, object]:
        return {"redis": self.redis_address}

    def _check(self) -> None:
        self._fleet.check_stalls()

    def _stop(self, threads: RoleThreads) -> None:
        self._fleet.stop()
        self._ended.set()
        self._frames.wake()
        threads.join("forward")
        self._publisher.drain(_DRAIN_S)
        threads.join("publish")

    def _stop_fields(self) -> Mapping[str, object]:
        return {"frames": self._forwarded, "skipped": dict(self._skipped)}

    def apply_log_settings(self, logs: LogSettings) -> None:
        """Have the ingest process log in this way."""
        self._fleet.apply_log_settings(logs)

    def _forward(self) -> None:
        """Move frames from the worker's memory to Redis; the newest if Redis is slow."""
        while not self._ended.is_set():
            self._last_heartbeat_ns = time.monotonic_ns()
            for lease in self._frames.take(1, _PATIENCE_S):
                try:
                    self._forwarded += self._writer.put(lease.frame)
                finally:
                    lease.release()
        self._writer.close()

    def _read_liveness(self) -> Liveness:
        views = self._fleet.views()
        reasons = camera_reasons(views)
        is_online = not reasons
        # Before its first frame a camera has no need of the slot.
        if not self._publisher.connected or (is_online and not self._writer.connected):
            problem = self._publisher.problem or self._writer.problem
            why = redis_reason(self.redis_address, problem)
            reasons += (f"{why}: frames are skipped",)
        reasons += self.troubles.reasons(Trouble.OTHER_WRITER)
        skipped = ", ".join(f"{reason} {count}" for reason, count in self._skipped.items())
        return Liveness(
            role=self.role,
            stuck=stalled_threads("forwarding", self._last_heartbeat_ns),
            reasons=reasons,
            shared=self.troubles.reasons_of(Trouble.OTHER_WRITER),
            facts=(
                *camera_facts(views),
                *spool_facts(self._publisher.spool_problem),
                f"frames {self._forwarded}, skipped {skipped or 'none'}",
            ),
        )

    def _publish_status(self, status: CameraStatus) -> None:
        self._publisher.publish_status(status_message(status))

    def _count_skipped(self, camera: str, reason: str, count: int) -> None:
        self._skipped[str(reason)] += count
        self._fleet.monitors[camera].on_skipped(reason, count)


def _only(settings: Settings, camera: str) -> Settings:
    """The settings with one camera."""
    known = settings.cameras
    if camera not in known:
        names = ", ".join(known) or "none"
        raise ConfigError(f"--camera {camera}: there is no such camera; known: {names}")
    if not known[camera].enabled:
        raise ConfigError(f"cameras.{camera}.enabled is false: set it to true, or leave it out")
    return settings.model_copy(update={"cameras": {camera: known[camera]}})
