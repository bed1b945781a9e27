"""The node: every stage of the pipeline on one machine, wired together."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial

from vision.config.core import LogSettings
from vision.config.secrets import SecretFiles, redis_password
from vision.config.settings import Settings
from vision.domain.detections import Detections, InferenceRecord
from vision.domain.errors import ConfigError
from vision.domain.message import detection_message, status_message
from vision.domain.run_ids import RunIds
from vision.domain.status import CameraStatus
from vision.domain.trouble import Trouble
from vision.events.service import EventService, snapshot_store
from vision.events.snapshots import RecentFrames, SnapshotTaker
from vision.frames.latest_frame_slot import LatestFrames
from vision.frames.slot import FrameLease
from vision.models.progress import TransferProgress
from vision.publishing.writing.redis_publisher import RedisPublisher
from vision.redis.client import address_of
from vision.resilience.troubles import Troubles
from vision.runtime.cameras.fleet import CameraFleet
from vision.runtime.components.certificates import CertificateWatch, tls_peers
from vision.runtime.components.descriptors import warn_if_short
from vision.runtime.components.event_feed import EventFeed
from vision.runtime.components.fan_out import (
    PublishMetrics,
    ResultFanOut,
    publisher_reasons,
    show_outbox,
)
from vision.runtime.components.inference import InferencePart
from vision.runtime.components.metrics import MetricsPart
from vision.runtime.components.threads import PartThreads
from vision.runtime.components.web import web_server
from vision.runtime.health.liveness import Liveness
from vision.runtime.health.node_health import node_health
from vision.runtime.health.role_liveness import (
    camera_facts,
    camera_reasons,
    liveness_file,
    redis_fact,
    spool_facts,
    stalled_threads,
    watch,
)
from vision.runtime.processes.secret_files import secret_files
from vision.telemetry.camera_view import CameraView
from vision.telemetry.metrics import NodeMetrics
from vision.web.documents import Health
from vision.web.feed import LiveFeed

_log = logging.getLogger(__name__)
# Long enough for a full outbox over a slow line, short enough for an impatient init system.
DRAIN_S = 5.0


class Node:
    """Cameras in, detections out; everything on one machine.

    The constructor checks what a person may have got wrong and loads the model; :meth:`run`
    starts the threads and processes and ends them.
    """

    def __init__(self, settings: Settings, progress: TransferProgress) -> None:
        """Prepare a node for ``settings``.

        Raises:
            ConfigError: A key, secret file, model or port is not in order.
            ArtefactError: The model cannot be had or is not the one named.
        """
        self._settings = settings
        secrets = secret_files(settings.secrets_dir)
        password = partial(redis_password, settings, secrets)
        _check_cameras(settings, secrets)
        password()
        self._liveness = liveness_file(settings, "run")
        self._fleet = CameraFleet(settings, self._publish_status)
        self._troubles = Troubles()
        self._runs = RunIds()
        metrics = NodeMetrics(self._fleet.views, troubles=self._troubles)
        for name in settings.active_cameras:
            metrics.know_camera(name)
        self._publisher = RedisPublisher(
            settings.redis,
            settings.publishing,
            password,
            PublishMetrics(metrics, self._troubles),
            runs=self._runs,
        )
        self._feed = LiveFeed()
        show_outbox(metrics, self._publisher, settings.publishing)
        is_tracking = settings.events.enabled
        store = snapshot_store(settings, metrics.events.snapshots) if is_tracking else None
        pictures = RecentFrames() if store else None
        self._delivery = ResultFanOut(
            metrics,
            self._feed,
            self._fleet.monitors.__getitem__,
            self._troubles,
            pictures=pictures,
        )
        # Before the model, which takes seconds: a port in use is told at once.
        self._web = web_server(
            settings,
            secrets,
            self._feed,
            cameras=self.cameras,
            health=self.health,
            metrics=metrics,
        )
        self._metrics_port = MetricsPart(settings, secrets, metrics)
        self._certificates = CertificateWatch(
            tls_peers(settings.redis, settings.active_cameras), metrics
        )
        names = list(settings.active_cameras)
        self._events = self._event_feed = None
        if is_tracking:
            taker = SnapshotTaker(store, pictures) if store and pictures else None
            self._events = EventService(
                settings,
                password,
                metrics.events,
                only=names,
                pictures=taker,
                on_invalid=metrics.count_invalid,
                troubles=self._troubles,
            )
            if self._web:
                self._event_feed = EventFeed(
                    settings,
                    password,
                    self._feed,
                    names,
                    on_invalid=metrics.count_invalid,
                    troubles=self._troubles,
                )
        self._frames = LatestFrames(self._count_skipped)
        self._inference = InferencePart(
            settings,
            self._frames,
            self._deliver,
            self._count_skipped,
            progress,
            on_submitted=self._delivery.count_submitted,
            on_discarded=self._delivery.count_discarded,
        )
        metrics.know_model(self._inference.model)

    @property
    def url(self) -> str | None:
        """Address of the live page, None when there is none."""
        return self._web.url if self._web else None

    def cameras(self) -> list[CameraView]:
        """All cameras at a glance, in the order of the configuration."""
        return self._fleet.views()

    def apply_log_settings(self, logs: LogSettings) -> None:
        """Have the ingest processes log in this way."""
        self._fleet.apply_log_settings(logs)

    def health(self) -> Health:
        """Whether the node does its work."""
        return node_health(
            self.cameras(),
            self._inference.model_text,
            address_of(self._settings.redis),
            redis_connected=self._publisher.connected,
            redis_problem=self._publisher.problem,
            outbox_messages=self._publisher.depth,
            troubles=self._troubles.reasons() + self._tracking_reasons(),
        )

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, then send what waits and return.

        Raises:
            VisionError: A part failed that the node cannot go on without.
        """
        ended, parts = threading.Event(), PartThreads(stop)
        sending = parts.start("publish", lambda: self._publisher.run(ended))
        inferring = parts.start("inference", lambda: self._inference.run(ended))
        serving = parts.start("web", self._web.run) if self._web else None
        sent = threading.Event()
        tracking = parts.start("events", partial(self._events.run, sent)) if self._events else None
        if self._event_feed:
            parts.start("event-feed", partial(self._event_feed.run, ended))
        self._metrics_port.start(parts)
        self._certificates.start(parts, ended)
        for camera, run in self._publisher.last_stream_runs(self._fleet.monitors).items():
            self._runs.learn(camera, run)
        warn_if_short(self._settings)
        self._fleet.start(self._frames, self._inference.input_size, self._runs)
        _log.info(
            "node.started cameras=%d page=%s metrics=%s",
            len(self._fleet.monitors),
            self.url,
            self._metrics_port.url,
        )
        watch(stop, self._fleet.check_stalls, self._liveness, self._read_liveness)
        _log.info("node.stopping")
        self._fleet.stop()
        ended.set()
        self._inference.wake()
        inferring.join()
        self._publisher.drain(DRAIN_S)
        sending.join()
        # Last: what was sent just now is tracked still.
        sent.set()
        if tracking:
            tracking.join()
        if self._web and serving:
            self._web.stop()
            serving.join()
        self._metrics_port.stop()
        self._inference.close()
        if self._liveness:
            self._liveness.remove()
        _log.info("node.stopped")
        parts.raise_failure()

    def _read_liveness(self) -> Liveness:
        views = self.cameras()
        return Liveness(
            role="run",
            stuck=stalled_threads("inference", self._inference.last_heartbeat_ns)
            + self._stuck_tracking(),
            reasons=camera_reasons(views)
            + publisher_reasons(self._publisher, self._settings)
            + self._tracking_reasons()
            + self._troubles.reasons(Trouble.OTHER_WRITER),
            shared=self._troubles.reasons_of(Trouble.OTHER_WRITER),
            facts=(
                *camera_facts(views),
                f"model {self._inference.model.name}",
                redis_fact(is_connected=self._publisher.connected),
                *spool_facts(self._publisher.spool_problem),
            ),
        )

    def _tracking_reasons(self) -> tuple[str, ...]:
        """Why no events come of the detections, where they should."""
        if self._events is None or self._events.connected or not self._publisher.connected:
            return ()
        return (f"no events: {self._events.problem or 'Redis has not answered yet'}",)

    def _stuck_tracking(self) -> tuple[str, ...]:
        if self._events is None or not self._events.connected:
            return ()
        return stalled_threads("tracking", self._events.last_heartbeat_ns)

    def _deliver(self, lease: FrameLease, seen: Detections, record: InferenceRecord) -> None:
        frame = lease.frame
        message = detection_message(frame.meta, seen, record, time.time_ns())
        # Pictures are found by the numbers that messages have on Redis.
        frame = frame.renumbered(*self._runs.number(frame.meta.camera, frame.meta.run))
        self._delivery.deliver(frame, message, record.inference_ms, self._publisher.publish)

    def _publish_status(self, status: CameraStatus) -> None:
        self._feed.on_status(self._publisher.publish_status(status_message(status)))

    def _count_skipped(self, camera: str, reason: str, count: int) -> None:
        self._fleet.monitors[camera].on_skipped(reason, count)


def _check_cameras(settings: Settings, secrets: SecretFiles) -> None:
    if not settings.active_cameras:
        raise ConfigError("cameras: there is none: add one under this key, or enable it")
    for name, camera in settings.active_cameras.items():
        secrets.camera(name, camera)
