"""The inference role: frames of any cameras from Redis, detections back to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from vision.config.settings import Settings
from vision.domain.detections import Detections, InferenceRecord
from vision.domain.message import DetectionMessage, detection_message, status_message
from vision.domain.status import CameraStatus
from vision.frames.preview_channel import PreviewSender
from vision.frames.redis_source import RedisFrameSource
from vision.frames.slot import FrameLease
from vision.models.progress import TransferProgress
from vision.publishing.encoding import encode
from vision.publishing.writing.redis_publisher import RedisPublisher
from vision.runtime.cameras.inferred import InferredCameras
from vision.runtime.components.certificates import tls_peers
from vision.runtime.components.fan_out import (
    Publish,
    PublishMetrics,
    ResultFanOut,
    publisher_reasons,
    show_outbox,
)
from vision.runtime.components.inference import InferenceStage
from vision.runtime.components.preview_publisher import PreviewPublisher
from vision.runtime.components.threads import RoleThreads
from vision.runtime.components.web import web_server
from vision.runtime.health.liveness import Liveness
from vision.runtime.health.node_health import node_health
from vision.runtime.health.role_liveness import (
    camera_facts,
    redis_fact,
    spool_facts,
    stalled_threads,
)
from vision.runtime.reload.plan import DesiredCamera
from vision.runtime.roles.service import DRAIN_S, Service
from vision.telemetry.camera_view import CameraView
from vision.telemetry.metrics import NodeMetrics
from vision.web.documents import Health
from vision.web.feed import LiveFeed


class InferRole(Service):
    """Infers the newest frame of every camera on Redis; any number of replicas share them."""

    def __init__(self, settings: Settings, progress: TransferProgress) -> None:
        """Load the model; no camera needs to be known.

        Raises:
            ConfigError: A key, secret file, model or port is not in order.
            ArtefactError: The model cannot be had or is not the one named.
        """
        super().__init__(settings, "infer")
        self._ended = threading.Event()
        self._acked = threading.Event()
        self._feed = LiveFeed()
        self._cameras = InferredCameras(self._show_status)
        self._known_cameras = frozenset(settings.cameras)
        metrics = NodeMetrics(self._cameras.views, "infer", troubles=self.troubles)
        # Which empty frames are told of is decided here, from what all replicas published.
        self._only_changes = settings.publishing.empty_frames == "on_change"
        publish_all = settings.publishing.model_copy(update={"empty_frames": "always"})
        self._publisher = RedisPublisher(
            settings.redis,
            publish_all,
            self.redis_password,
            PublishMetrics(metrics, self.troubles),
            spool_name="infer",
            is_fenced=True,
        )
        show_outbox(metrics, self._publisher, settings.publishing)
        self._previews = PreviewPublisher(PreviewSender(settings.redis, self.redis_password))
        self._delivery = ResultFanOut(
            metrics, self._feed, self._cameras.monitor, self.troubles, relay=self._previews
        )
        self._web = web_server(
            settings,
            self.secrets,
            self._feed,
            cameras=self._cameras.views,
            health=self.health,
            metrics=metrics,
            current=lambda: self.settings,
            warnings=self.warnings,
        )
        self.expose(metrics, tls_peers(settings.redis, {}))
        self._source = RedisFrameSource(
            settings.redis,
            self.redis_password,
            settings.inference.max_staleness_ms,
            troubles=self.troubles,
        )
        self._inference = InferenceStage(
            settings,
            self._source,
            self._deliver,
            self._cameras.on_skipped,
            progress,
            on_submitted=self._delivery.count_submitted,
            on_discarded=self._delivery.count_discarded,
        )
        metrics.know_model(self._inference.model)

    def check_settings(self, settings: Settings) -> None:
        """Labels; see :meth:`Service.check_settings`."""
        self._inference.check(settings)

    def _follow(self, settings: Settings, cameras: dict[str, DesiredCamera]) -> None:
        self._inference.retune(settings)
        # Frames of cameras that are in no settings are inferred too: only those that were taken
        # out of them are forgotten.
        for name in self._known_cameras - cameras.keys():
            self._cameras.forget(name)
            self._node_metrics.forget_camera(name)
            self.troubles.forget(name)
        self._known_cameras = frozenset(cameras)

    def cameras(self) -> list[CameraView]:
        """All cameras that frames came from, at a glance."""
        return self._cameras.views()

    def health(self) -> Health:
        """Whether the worker does its work; whether cameras do is their ingest role's to say."""
        return node_health(
            (),
            self._inference.model_text,
            self.redis_address,
            redis_connected=self._is_connected(),
            redis_problem=self._publisher.problem or self._source.problem,
            outbox_messages=self._publisher.depth,
            troubles=self.troubles.reasons(),
        )

    def _start(self, threads: RoleThreads) -> None:
        threads.start("leases", self._source.keep, self._acked)
        threads.start("fetch", self._source.fetch, self._ended)
        threads.start("publish", self._publisher.run, self._ended)
        threads.start("inference", self._inference.run, self._ended)
        threads.start("pictures", self._previews.run, self._ended)
        if self._web:
            threads.start("web", self._web.run)

    def _start_fields(self) -> Mapping[str, object]:
        return {
            "redis": self.redis_address,
            "page": self._web.url if self._web else None,
        }

    def _check(self) -> None:
        self._cameras.check_stalls()

    def _stop(self, threads: RoleThreads) -> None:
        self._ended.set()
        self._inference.wake()
        threads.join("inference", "fetch", "pictures")
        self._publisher.drain(DRAIN_S)
        threads.join("publish")
        # All messages are settled now: the cameras are free for other replicas at once.
        self._acked.set()
        self._source.wake()
        threads.join("leases")
        if self._web:
            self._web.stop()
            threads.join("web")

    def _close(self) -> None:
        self._inference.close()

    def _deliver(self, lease: FrameLease, seen: Detections, record: InferenceRecord) -> None:
        frame, previous = lease.frame, lease.previous
        self._cameras.on_frame(frame.meta)
        message = detection_message(frame.meta, seen, record, time.time_ns())
        publish: Publish = self._publish
        if self._only_changes and not seen and previous is not None and previous.is_empty:
            # Kept back: the slot lets the next message account for it.
            publish = encode
        self._delivery.deliver(frame, message, record.inference_ms, publish)

    def _publish(self, message: DetectionMessage) -> bytes:
        """Publish, and let the camera's next frame be taken once that is done."""
        ack = self._source.hand_over(
            message.camera, message.stream_id, is_empty=not message.detections
        )
        return self._publisher.publish(message, ack)

    def _read_liveness(self) -> Liveness:
        return Liveness(
            role=self.role,
            stuck=stalled_threads("inference", self._inference.last_heartbeat_ns),
            reasons=publisher_reasons(self._publisher, self.settings)
            + self._fetching_reasons()
            + self.troubles.reasons(),
            facts=(
                f"model {self._inference.model.name}",
                redis_fact(is_connected=self._is_connected()),
                *spool_facts(self._publisher.spool_problem),
                *camera_facts(self.cameras()),
            ),
        )

    def _fetching_reasons(self) -> tuple[str, ...]:
        """Why no frames come, where it is not the cameras."""
        if self._source.connected or not self._publisher.connected:
            return ()
        return (f"no frames: {self._source.problem or 'Redis has not answered yet'}",)

    def _is_connected(self) -> bool:
        return self._publisher.connected and self._source.connected

    def _show_status(self, status: CameraStatus) -> None:
        self._feed.on_status(encode(status_message(status)))
