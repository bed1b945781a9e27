"""The events role: visits of objects, from the detections that others publish."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from functools import partial

from vision.config.secrets import redis_password
from vision.config.settings import Settings
from vision.events.service import EventService, snapshot_store
from vision.events.snapshots import RecentFrames, SnapshotTaker
from vision.frames.preview_channel import Preview, PreviewReceiver
from vision.redis.client import address_of
from vision.resilience.troubles import Troubles
from vision.runtime.components.metrics import MetricsPart
from vision.runtime.components.preview_validator import PreviewValidator
from vision.runtime.components.threads import PartThreads
from vision.runtime.health.liveness import Liveness
from vision.runtime.health.role_liveness import (
    liveness_file,
    reader_reasons,
    redis_fact,
    stalled_threads,
    watch,
)
from vision.runtime.processes.secret_files import secret_files
from vision.telemetry.metrics import NodeMetrics

_log = logging.getLogger(__name__)


class EventsRole:
    """Tracks the cameras on Redis; any number of replicas share them."""

    def __init__(self, settings: Settings) -> None:
        """Prepare to track; no camera needs to be known.

        Raises:
            ConfigError: A key, secret file or port is not in order.
        """
        self._settings = settings
        secrets = secret_files(settings.secrets_dir)
        password = partial(redis_password, settings, secrets)
        password()
        self._liveness = liveness_file(settings, "events")
        self._troubles = Troubles()
        metrics = NodeMetrics(lambda: (), "events", troubles=self._troubles)
        self._metrics_port = MetricsPart(settings, secrets, metrics)
        store = snapshot_store(settings, metrics.events.snapshots)
        self._memory = RecentFrames()
        self._taker = SnapshotTaker(store, self._memory) if store else None
        self._receiver = PreviewReceiver(settings.redis, password) if store else None
        self._events = EventService(
            settings,
            password,
            metrics.events,
            pictures=self._taker,
            on_invalid=metrics.count_invalid,
            troubles=self._troubles,
        )
        metrics.redis_up.set_function(lambda: float(self._events.connected))

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, then leave the cameras to others.

        Raises:
            VisionError: A part failed that the role cannot go on without.
        """
        parts = PartThreads(stop)
        tracking = parts.start("events", lambda: self._events.run(stop))
        if self._receiver and self._taker:
            pictures = self._receiver.pictures(stop, self._taker.wanted)
            parts.start("pictures", lambda: self._remember(pictures))
        self._metrics_port.start(parts)
        _log.info(
            "events.started redis=%s metrics=%s",
            address_of(self._settings.redis),
            self._metrics_port.url,
        )
        watch(stop, lambda: None, self._liveness, self._read_liveness)
        _log.info("events.stopping")
        tracking.join()
        self._metrics_port.stop()
        if self._liveness:
            self._liveness.remove()
        _log.info("events.stopped")
        parts.raise_failure()

    def _remember(self, pictures: Iterator[Preview]) -> None:
        sent = PreviewValidator(_log, "events")
        for picture in pictures:
            message = sent.message_of(picture)
            if message is not None:
                self._memory.offer(message.camera, message.id, partial(bytes, picture.jpeg))

    def _read_liveness(self) -> Liveness:
        is_connected = self._events.connected
        return Liveness(
            role="events",
            stuck=stalled_threads("tracking", self._events.last_heartbeat_ns)
            if is_connected
            else (),
            reasons=reader_reasons({"detections": self._events}) + self._troubles.reasons(),
            facts=(
                f"tracks {', '.join(self._events.cameras) or 'no camera'}",
                redis_fact(is_connected=is_connected),
            ),
        )
