"""The events role: visits of objects, from the detections that others publish."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import partial

from vision.config.settings import Settings
from vision.events.metrics import EventMetrics
from vision.events.service import EventService, snapshot_store
from vision.events.snapshots import RecentFrames, SnapshotTaker
from vision.frames.preview_channel import Preview, PreviewReceiver
from vision.runtime.components.preview_validator import PreviewValidator
from vision.runtime.components.threads import RoleThreads
from vision.runtime.health.liveness import Liveness
from vision.runtime.health.role_liveness import (
    reader_reasons,
    redis_fact,
    stalled_threads,
)
from vision.runtime.reload.plan import DesiredCamera
from vision.runtime.roles.service import Service
from vision.telemetry.metrics import NodeMetrics

_log = logging.getLogger(__name__)


class EventsRole(Service):
    """Tracks the cameras on Redis; any number of replicas share them."""

    def __init__(self, settings: Settings) -> None:
        """Prepare to track; no camera needs to be known.

        Raises:
            ConfigError: A key, secret file or port is not in order.
        """
        super().__init__(settings, "events")
        metrics = NodeMetrics(lambda: (), "events", troubles=self.troubles)
        self.expose(metrics)
        event_metrics = EventMetrics(metrics.create)
        store = snapshot_store(settings, event_metrics.snapshots)
        self._recent_frames = RecentFrames()
        self._taker = SnapshotTaker(store, self._recent_frames) if store else None
        self._receiver = PreviewReceiver(settings.redis, self.redis_password) if store else None
        self._events = EventService(
            settings,
            self.redis_password,
            event_metrics,
            pictures=self._taker,
            on_invalid=metrics.count_invalid,
            troubles=self.troubles,
        )
        metrics.redis_up.set_function(lambda: float(self._events.connected))

    def _start(self, threads: RoleThreads) -> None:
        threads.start("events", self._events.run, threads.stop)
        if self._receiver and self._taker:
            pictures = self._receiver.pictures(threads.stop, self._taker.wanted)
            threads.start("pictures", self._remember, pictures)

    def _follow(self, settings: Settings, cameras: dict[str, DesiredCamera]) -> None:  # noqa: ARG002  all cameras on Redis
        self._events.apply(settings)

    def _start_fields(self) -> Mapping[str, object]:
        return {"redis": self.redis_address}

    def _stop(self, threads: RoleThreads) -> None:
        threads.join("events")

    def _remember(self, pictures: Iterator[Preview]) -> None:
        validator = PreviewValidator(_log, "events")
        for picture in pictures:
            message = validator.message_of(picture)
            if message is not None:
                self._recent_frames.offer(message.camera, message.id, partial(bytes, picture.jpeg))

    def _read_liveness(self) -> Liveness:
        is_connected = self._events.connected
        return Liveness(
            role=self.role,
            stuck=stalled_threads("tracking", self._events.last_heartbeat_ns)
            if is_connected
            else (),
            reasons=reader_reasons({"detections": self._events}) + self.troubles.reasons(),
            facts=(
                f"tracks {', '.join(self._events.cameras) or 'no camera'}",
                redis_fact(is_connected=is_connected),
            ),
        )
