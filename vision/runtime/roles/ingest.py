"""The ingest role: one camera's frames into the newest-frame slot on Redis."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from functools import partial

from vision.config.core import LogSettings
from vision.config.secrets import redis_password
from vision.config.settings import Settings
from vision.domain.errors import ConfigError
from vision.domain.message import status_message
from vision.domain.run_ids import RunIds
from vision.domain.status import CameraStatus
from vision.domain.trouble import Trouble
from vision.frames.latest_frame_slot import LatestFrames
from vision.frames.redis_writer import RedisFrameWriter
from vision.publishing.writing.redis_publisher import RedisPublisher
from vision.redis.client import address_of
from vision.resilience.troubles import Troubles
from vision.runtime.cameras.fleet import CameraFleet
from vision.runtime.components.certificates import CertificateWatch, tls_peers
from vision.runtime.components.descriptors import warn_if_short
from vision.runtime.components.fan_out import PublishMetrics, show_outbox
from vision.runtime.components.metrics import MetricsPart
from vision.runtime.components.model_loading import picture_size
from vision.runtime.components.threads import PartThreads
from vision.runtime.health.liveness import Liveness
from vision.runtime.health.role_liveness import (
    camera_facts,
    camera_reasons,
    liveness_file,
    redis_reason,
    spool_facts,
    stalled_threads,
    watch,
)
from vision.runtime.processes.secret_files import secret_files
from vision.telemetry.metrics import NodeMetrics

_log = logging.getLogger(__name__)
_PATIENCE_S = 0.5
# States only, a handful.
_DRAIN_S = 2.0


class IngestRole:
    """Serves one camera in a supervised process and forwards its newest frame."""

    def __init__(self, settings: Settings, camera: str) -> None:
        """Prepare to serve ``camera``.

        Raises:
            ConfigError: There is no such camera, or a key or secret file is not in order.
        """
        self._camera = camera
        settings = _only(settings, camera)
        secrets = secret_files(settings.secrets_dir)
        secrets.camera(camera, settings.cameras[camera])
        password = partial(redis_password, settings, secrets)
        password()
        self._settings = settings
        self._liveness = liveness_file(settings, f"ingest {camera}")
        self._fleet = CameraFleet(settings, self._publish_status)
        self._runs = RunIds()
        self._troubles = Troubles()
        metrics = NodeMetrics(self._fleet.views, "ingest", troubles=self._troubles)
        metrics.know_camera(camera)
        self._metrics_port = MetricsPart(settings, secrets, metrics)
        self._certificates = CertificateWatch(
            tls_peers(settings.redis, settings.active_cameras), metrics
        )
        self._publisher = RedisPublisher(
            settings.redis,
            settings.publishing,
            password,
            PublishMetrics(metrics, self._troubles),
            spool_name=f"ingest-{camera}",
            runs=self._runs,
        )
        show_outbox(metrics, self._publisher, settings.publishing)
        self._frames = LatestFrames(self._count_skipped)
        self._writer = RedisFrameWriter(
            settings.redis,
            password,
            settings.inference.max_staleness_ms,
            self._count_skipped,
            self._runs,
            troubles=self._troubles,
        )
        self._forwarded = 0
        self._skipped: Counter[str] = Counter()
        self._turned_ns = time.monotonic_ns()

    def run(self, stop: threading.Event) -> None:
        """Serve until ``stop`` is set, then tell of it and return.

        Raises:
            VisionError: A part failed that the role cannot go on without.
        """
        ended, parts = threading.Event(), PartThreads(stop)
        sending = parts.start("publish", lambda: self._publisher.run(ended))
        # A clock that went back must shut the camera out of neither its stream nor its slot.
        for camera, run in self._publisher.last_stream_runs([self._camera]).items():
            self._runs.learn(camera, run)
        self._writer.learn(self._camera)
        forwarding = parts.start("forward", lambda: self._forward(ended))
        self._metrics_port.start(parts)
        self._certificates.start(parts, ended)
        warn_if_short(self._settings)
        self._fleet.start(self._frames, picture_size(self._settings), self._runs)
        _log.info(
            "ingest.started camera=%s redis=%s metrics=%s",
            self._camera,
            address_of(self._settings.redis),
            self._metrics_port.url,
        )
        watch(stop, self._fleet.check_stalls, self._liveness, self._read_liveness)
        _log.info("ingest.stopping camera=%s", self._camera)
        self._fleet.stop()
        ended.set()
        self._frames.wake()
        forwarding.join()
        self._publisher.drain(_DRAIN_S)
        sending.join()
        self._metrics_port.stop()
        if self._liveness:
            self._liveness.remove()
        _log.info(
            "ingest.stopped camera=%s frames=%d skipped=%s",
            self._camera,
            self._forwarded,
            dict(self._skipped),
        )
        parts.raise_failure()

    def apply_log_settings(self, logs: LogSettings) -> None:
        """Have the ingest process log in this way."""
        self._fleet.apply_log_settings(logs)

    def _forward(self, ended: threading.Event) -> None:
        """Move frames from the worker's memory to Redis; the newest if Redis is slow."""
        while not ended.is_set():
            self._turned_ns = time.monotonic_ns()
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
            why = redis_reason(address_of(self._settings.redis), problem)
            reasons += (f"{why}: frames are skipped",)
        reasons += self._troubles.reasons(Trouble.OTHER_WRITER)
        skipped = ", ".join(f"{reason} {count}" for reason, count in self._skipped.items())
        return Liveness(
            role=f"ingest {self._camera}",
            stuck=stalled_threads("forwarding", self._turned_ns),
            reasons=reasons,
            shared=self._troubles.reasons_of(Trouble.OTHER_WRITER),
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
