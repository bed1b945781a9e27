"""The ingest role: frames of one camera, or of all, into the latest-frame slots on Redis."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping

from vision.config.settings import Settings
from vision.domain.errors import ConfigError
from vision.domain.message import status_message
from vision.domain.run_ids import RunIds
from vision.domain.status import CameraStatus
from vision.domain.trouble import Trouble
from vision.frames.latest_frame_slot import LatestFrames
from vision.frames.redis_writer import RedisFrameWriter
from vision.publishing.writing.redis_publisher import RedisPublisher
from vision.runtime.cameras.fleet import CameraFleet, Workplace
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
from vision.runtime.reload.plan import DesiredCamera, switched_on
from vision.runtime.roles.camera_service import CameraService
from vision.runtime.roles.service import wanted_cameras
from vision.telemetry.metrics import NodeMetrics

_PATIENCE_S = 0.5
# States only, a handful.
_DRAIN_S = 2.0


class IngestRole(CameraService):
    """Serves cameras in a supervised process each and forwards their newest frames."""

    def __init__(self, settings: Settings, camera: str | None) -> None:
        """Prepare to serve ``camera``, or all cameras of the settings for None.

        Raises:
            ConfigError: There is no such camera, or a key or secret file is not in order.
        """
        self._camera = camera
        if camera is not None and camera not in settings.cameras:
            names = ", ".join(settings.cameras) or "none"
            raise ConfigError(f"--camera {camera}: there is no such camera; known: {names}")
        wanted = self._mine(wanted_cameras(settings))
        super().__init__(
            settings,
            "ingest" if camera is None else f"ingest {camera}",
            log_prefix="ingest",
            log_fields={} if camera is None else {"camera": camera},
            cameras=switched_on(wanted),
        )
        self._ended = threading.Event()
        self._fleet = CameraFleet(settings, wanted, self._publish_status)
        self._runs = RunIds()
        metrics = NodeMetrics(self._fleet.metric_views, "ingest", troubles=self.troubles)
        for name in wanted:
            metrics.know_camera(name)
        self.expose(metrics, tls_peers(settings.redis, switched_on(wanted)))
        self._publisher = RedisPublisher(
            settings.redis,
            settings.publishing,
            self.redis_password,
            PublishMetrics(metrics, self.troubles),
            spool_name="ingest" if camera is None else f"ingest-{camera}",
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
        names = list(self._fleet.names)
        self._learn_stream_runs(names)
        # Nor out of its slot; of cameras that come later that is learnt with their first frame.
        for name in names:
            self._writer.learn(name)
        threads.start("forward", self._forward)

    def _mine(self, cameras: dict[str, DesiredCamera]) -> dict[str, DesiredCamera]:
        """The cameras that this process serves."""
        if self._camera is None:
            return cameras
        return {name: camera for name, camera in cameras.items() if name == self._camera}

    def _start_cameras(self) -> None:
        warn_if_short(self.settings)
        self._fleet.start(Workplace(self._frames, picture_size(self.settings), self._runs))

    def _start_fields(self) -> Mapping[str, object]:
        return {"redis": self.redis_address}

    def _stop(self, threads: RoleThreads) -> None:
        self._fleet.stop()
        self._ended.set()
        self._frames.wake()
        threads.join("forward")
        self._publisher.drain(_DRAIN_S)
        threads.join("publish")

    def _stop_fields(self) -> Mapping[str, object]:
        return {"frames": self._forwarded, "skipped": dict(self._skipped)}

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
        self._fleet.count_skipped(camera, reason, count)
