"""The web role: the live page of all cameras, with the rights of a reader of Redis."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Mapping

from vision.config.settings import Settings
from vision.domain.errors import ConfigError
from vision.frames.preview_channel import Preview, PreviewReceiver
from vision.publishing.reading.cursor import DetectionCursor, StatusCursor
from vision.publishing.reading.subscriber import Subscriber
from vision.resilience.suspension import SuspensionAwareClock
from vision.runtime.cameras.published import PublishedCameras, silence_s
from vision.runtime.components.event_feed import EventFeed
from vision.runtime.components.preview_validator import PreviewValidator
from vision.runtime.components.threads import RoleThreads
from vision.runtime.components.web import web_server
from vision.runtime.health.liveness import Liveness
from vision.runtime.health.node_health import node_health
from vision.runtime.health.role_liveness import (
    camera_facts,
    reader_reasons,
    redis_fact,
    redis_reason,
    stalled_threads,
)
from vision.runtime.roles.service import Service
from vision.telemetry.camera_view import CameraView
from vision.telemetry.metrics import NodeMetrics
from vision.web.documents import Health
from vision.web.feed import LiveFeed

_log = logging.getLogger(__name__)
# Twice a second; what takes longer was no silence of the cameras: nobody listened.
_TURN_S = 2.0


class WebRole(Service):
    """Serves the page of the distributed form; it can write nothing on Redis."""

    def __init__(self, settings: Settings) -> None:
        """Prepare to serve; no camera needs to be known.

        Raises:
            ConfigError: A key, secret file or port is not in order, or the page is turned off.
        """
        super().__init__(settings, "web")
        self._feed = LiveFeed()
        self._awake = SuspensionAwareClock(_TURN_S)
        self._cameras = PublishedCameras(
            silence_s=lambda camera: silence_s(self.settings, camera), monotonic_s=self._awake
        )
        metrics = NodeMetrics(self._cameras.views, "web", troubles=self.troubles)
        web = web_server(
            settings,
            self.secrets,
            self._feed,
            cameras=self._cameras.views,
            health=self.health,
            metrics=metrics,
            current=lambda: self.settings,
            warnings=self.warnings,
        )
        if web is None:
            raise ConfigError("web.enabled is false: set it to true, or do not start `vision web`")
        self._web = web
        self.expose(metrics)
        # The newest state of each camera is told at once, frames as they come.
        on_invalid, troubles = metrics.count_invalid, self.troubles
        self._statuses = Subscriber(
            settings.redis,
            self.redis_password,
            StatusCursor,
            replay=1,
            on_invalid=on_invalid,
            troubles=troubles,
        )
        self._detections = Subscriber(
            settings.redis,
            self.redis_password,
            DetectionCursor,
            on_invalid=on_invalid,
            troubles=troubles,
        )
        self._events = EventFeed(
            settings, self.redis_password, self._feed, on_invalid=on_invalid, troubles=troubles
        )
        self._pictures = PreviewReceiver(settings.redis, self.redis_password)
        self._validator = PreviewValidator(_log, "web")
        metrics.redis_up.set_function(lambda: float(self._pictures.connected))
        self._last_heartbeat_ns = time.monotonic_ns()

    def cameras(self) -> list[CameraView]:
        """All cameras that said something, at a glance."""
        return self._cameras.views()

    def health(self) -> Health:
        """Ready while Redis answers: a page that shows a blind camera does its work."""
        return node_health(
            self.cameras(),
            self._cameras.model() or "no message yet",
            self.redis_address,
            redis_connected=self._pictures.connected,
            redis_problem=self._pictures.problem,
            cameras_must_deliver=False,
            troubles=self._unread_reasons() + self.troubles.reasons(),
        )

    def _start(self, threads: RoleThreads) -> None:
        threads.start("statuses", self._take_statuses, threads.stop)
        threads.start("detections", self._take_detections, threads.stop)
        threads.start("events", self._events.run, threads.stop)
        threads.start("pictures", self._take_pictures, threads.stop)
        threads.start("web", self._web.run)

    def _start_fields(self) -> Mapping[str, object]:
        return {"redis": self.redis_address, "page": self._web.url}

    def _check(self) -> None:
        self._awake.tick()

    def _stop(self, threads: RoleThreads) -> None:
        self._web.stop()
        threads.join("statuses", "detections", "events", "pictures", "web")

    def _take_statuses(self, stop: threading.Event) -> None:
        for received in self._statuses.messages(stop):
            self._cameras.on_status(received.message)
            self._feed.on_status(received.payload)

    def _take_detections(self, stop: threading.Event) -> None:
        for received in self._detections.messages(stop):
            self._cameras.on_detections(received.message)

    def _take_pictures(self, stop: threading.Event) -> None:
        for picture in self._pictures.pictures(stop, self._wanted):
            self._show(picture)

    def _wanted(self) -> Collection[str]:
        """The cameras to get pictures of: all while somebody looks, else none."""
        self._last_heartbeat_ns = time.monotonic_ns()
        return self._cameras.names() if self._feed.viewers else ()

    def _show(self, picture: Preview) -> None:
        message = self._validator.message_of(picture)
        if message is not None:
            payload = picture.message
            self._feed.on_picture(message.camera, message.stream_id, payload, picture.jpeg)

    def _unread_reasons(self) -> tuple[str, ...]:
        """What the page does not hear of, though Redis answers."""
        if not self._pictures.connected:
            return ()
        return reader_reasons(
            {"states": self._statuses, "detections": self._detections, "events": self._events}
        )

    def _read_liveness(self) -> Liveness:
        is_connected = self._pictures.connected
        return Liveness(
            role=self.role,
            stuck=stalled_threads("reading", self._last_heartbeat_ns) if is_connected else (),
            reasons=self._unread_reasons() + self.troubles.reasons()
            if is_connected
            else (redis_reason(self.redis_address, self._pictures.problem),),
            facts=(
                f"viewers {self._feed.viewers}",
                redis_fact(is_connected=is_connected),
                *camera_facts(self.cameras()),
            ),
        )
