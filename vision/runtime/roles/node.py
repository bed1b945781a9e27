"""The node: every stage of the pipeline on one machine, wired together."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from vision.config.settings import Settings
from vision.domain.detections import Detections, InferenceRecord
from vision.domain.errors import ConfigError
from vision.domain.message import detection_message, status_message
from vision.domain.run_ids import RunIds
from vision.domain.status import CameraStatus
from vision.domain.trouble import Trouble
from vision.events.metrics import EventMetrics
from vision.events.service import EventService, snapshot_store
from vision.events.snapshots import RecentFrames, SnapshotTaker
from vision.frames.latest_frame_slot import LatestFrames
from vision.frames.slot import FrameLease
from vision.models.progress import TransferProgress
from vision.publishing.writing.redis_publisher import RedisPublisher
from vision.runtime.cameras.fleet import CameraFleet, Workplace
from vision.runtime.components.certificates import tls_peers
from vision.runtime.components.descriptors import warn_if_short
from vision.runtime.components.event_feed import EventFeed
from vision.runtime.components.fan_out import (
    PublishMetrics,
    ResultFanOut,
    publisher_reasons,
    show_outbox,
)
from vision.runtime.components.inference import InferenceStage
from vision.runtime.components.threads import RoleThreads
from vision.runtime.components.web import web_server
from vision.runtime.health.liveness import Liveness
from vision.runtime.health.node_health import node_health
from vision.runtime.health.role_liveness import (
    camera_facts,
    camera_reasons,
    redis_fact,
    spool_facts,
    stalled_threads,
)
from vision.runtime.reload.plan import DesiredCamera, switched_on
from vision.runtime.roles.camera_service import CameraService
from vision.runtime.roles.service import DRAIN_S, wanted_cameras
from vision.telemetry.camera_view import CameraView
from vision.telemetry.metrics import NodeMetrics
from vision.web.documents import Health
from vision.web.feed import LiveFeed


class Node(CameraService):
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
        if not settings.cameras and settings.cameras_dir is None:
            raise ConfigError(
                "cameras: there is none: add one under this key, or name a folder of camera files "
                "in cameras_dir"
            )
        wanted = wanted_cameras(settings)
        on = switched_on(wanted)
        super().__init__(settings, "run", log_prefix="node", cameras=on)
        self._ended = threading.Event()
        self._sent = threading.Event()
        self._fleet = CameraFleet(settings, wanted, self._publish_status)
        self._runs = RunIds()
        metrics = NodeMetrics(self._fleet.metric_views, troubles=self.troubles)
        for name in wanted:
            metrics.know_camera(name)
        self._publisher = RedisPublisher(
            settings.redis,
            settings.publishing,
            self.redis_password,
            PublishMetrics(metrics, self.troubles),
            runs=self._runs,
        )
        self._feed = LiveFeed()
        show_outbox(metrics, self._publisher, settings.publishing)
        is_tracking = settings.events.enabled
        event_metrics = EventMetrics(metrics.create)
        store = snapshot_store(settings, event_metrics.snapshots) if is_tracking else None
        pictures = RecentFrames() if store else None
        self._delivery = ResultFanOut(
            metrics,
            self._feed,
            self._fleet.monitor,
            self.troubles,
            pictures=pictures,
        )
        # Before the model, which takes seconds: a port in use is told at once.
        self._web = web_server(
            settings,
            self.secrets,
            self._feed,
            cameras=self.cameras,
            health=self.health,
            metrics=metrics,
            current=lambda: self.settings,
            warnings=self.warnings,
        )
        self.expose(metrics, tls_peers(settings.redis, on))
        names = list(wanted)
        self._events = self._event_feed = None
        if is_tracking:
            taker = SnapshotTaker(store, pictures) if store and pictures else None
            self._events = EventService(
                settings,
                self.redis_password,
                event_metrics,
                only=names,
                pictures=taker,
                on_invalid=metrics.count_invalid,
                troubles=self.troubles,
            )
            if self._web:
                self._event_feed = EventFeed(
                    settings,
                    self.redis_password,
                    self._feed,
                    names,
                    on_invalid=metrics.count_invalid,
                    troubles=self.troubles,
                )
        self._frames = LatestFrames(self._count_skipped)
        self._inference = InferenceStage(
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

    def check_settings(self, settings: Settings) -> None:
        """Secret files and labels; see :meth:`Service.check_settings`."""
        super().check_settings(settings)
        self._inference.check(settings)

    def _follow(self, settings: Settings, cameras: dict[str, DesiredCamera]) -> None:
        self._inference.retune(settings)
        if self._events:
            self._events.apply(settings, list(cameras))
        if self._event_feed:
            self._event_feed.follow(list(cameras))
        super()._follow(settings, cameras)

    def health(self) -> Health:
        """Whether the node does its work."""
        return node_health(
            self.cameras(),
            self._inference.model_text,
            self.redis_address,
            redis_connected=self._publisher.connected,
            redis_problem=self._publisher.problem,
            outbox_messages=self._publisher.depth,
            troubles=self.troubles.reasons() + self._tracking_reasons(),
        )

    def _start(self, threads: RoleThreads) -> None:
        threads.start("publish", self._publisher.run, self._ended)
        threads.start("inference", self._inference.run, self._ended)
        if self._web:
            threads.start("web", self._web.run)
        if self._events:
            threads.start("events", self._events.run, self._sent)
        if self._event_feed:
            threads.start("event-feed", self._event_feed.run, self._ended)

    def _start_cameras(self) -> None:
        self._learn_stream_runs(list(self._fleet.names))
        warn_if_short(self.settings)
        self._fleet.start(Workplace(self._frames, self._inference.input_size, self._runs))

    def _start_fields(self) -> Mapping[str, object]:
        return {"cameras": len(self._fleet.names), "page": self.url}

    def _stop(self, threads: RoleThreads) -> None:
        self._fleet.stop()
        self._ended.set()
        self._inference.wake()
        threads.join("inference")
        self._publisher.drain(DRAIN_S)
        threads.join("publish")
        # Last: what was sent just now is tracked still.
        self._sent.set()
        if self._events:
            threads.join("events")
        if self._web:
            self._web.stop()
            threads.join("web")

    def _close(self) -> None:
        self._inference.close()

    def _read_liveness(self) -> Liveness:
        views = self.cameras()
        return Liveness(
            role=self.role,
            stuck=stalled_threads("inference", self._inference.last_heartbeat_ns)
            + self._stuck_tracking(),
            reasons=camera_reasons(views)
            + publisher_reasons(self._publisher, self.settings)
            + self._tracking_reasons()
            + self.troubles.reasons(Trouble.OTHER_WRITER),
            shared=self.troubles.reasons_of(Trouble.OTHER_WRITER),
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
        self._fleet.count_skipped(camera, reason, count)
