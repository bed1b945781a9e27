"""Tracking as a part of a role: the worker, its engines and what is measured of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from vision.config.settings import Settings
from vision.domain.event import EventMessage, GapReason
from vision.domain.message import DetectionMessage
from vision.domain.noop import noop
from vision.events.camera_tracker import EventTracker
from vision.events.metrics import EventMetrics, SnapshotMetrics
from vision.events.rules import rules_for
from vision.events.snapshot_store import SnapshotStore
from vision.events.snapshots import SnapshotTaker
from vision.events.worker import EventWorker
from vision.publishing.reading.unusable_messages import CountInvalid
from vision.resilience.troubles import Troubles

_DAY_S = 86_400.0
_MIB = 1 << 20


def snapshot_store(
    settings: Settings, metrics: SnapshotMetrics | None = None
) -> SnapshotStore | None:
    """None when no pictures are kept; nothing is read or made yet.

    ``metrics`` are for whoever writes.
    """
    wanted = settings.events.snapshots
    if not wanted.enabled:
        return None
    max_bytes = wanted.max_mib * _MIB
    if metrics:
        metrics.know_limit(max_bytes)
    return SnapshotStore(
        wanted.dir,
        max_age_s=wanted.max_age_days * _DAY_S,
        max_bytes=max_bytes,
        observer=metrics,
    )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EventService:
    """Makes events of detections on Redis; implements the observer of its trackers."""

    def __init__(
        self,
        settings: Settings,
        password: Callable[[], str | None],
        metrics: EventMetrics,
        *,
        only: Collection[str] | None = None,
        pictures: SnapshotTaker | None = None,
        on_invalid: CountInvalid = noop,
        troubles: Troubles | None = None,
    ) -> None:
        """Track all cameras on Redis that the settings do not leave out, or ``only`` these.

        ``pictures`` keeps pictures of what is seen; ``on_invalid`` hears of what is no message,
        ``troubles`` of keys that cannot be read.

        Raises:
            ConfigError: ``redis.url`` has an option that does not exist.
        """
        self._settings = settings
        self._metrics = metrics
        self._pictures = pictures
        self._count_invalid = on_invalid
        self._worker = EventWorker(
            settings.redis,
            password,
            self._tracker,
            kept=settings.events.stream_max_messages,
            cameras=only,
            wanted=self._wanted,
            released=self._forget,
            troubles=troubles,
        )

    @property
    def connected(self) -> bool:
        """Whether Redis answered last time."""
        return self._worker.connected

    @property
    def problem(self) -> str | None:
        """Why Redis did not answer last time, in words; None while it does."""
        return self._worker.problem

    @property
    def last_heartbeat_ns(self) -> int:
        """When the worker last looked around, on CLOCK_MONOTONIC."""
        return self._worker.last_heartbeat_ns

    @property
    def cameras(self) -> list[str]:
        """Those that are tracked here now."""
        return sorted(self._worker.trackers)

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set."""
        self._worker.run(stop)

    def apply(self, settings: Settings, only: Collection[str] | None = None) -> None:
        """Go by ``settings`` from the next frames on, and track ``only`` these; any thread."""
        self._settings = settings
        self._worker.follow(only)
        for camera, tracker in self._worker.trackers.items():
            if isinstance(tracker, EventTracker):
                tracker.retune(rules_for(settings, camera))

    def on_event(self, message: EventMessage) -> None:
        """Count it."""
        self._metrics.count(message)

    def passed_by(self, camera: str, kind: str) -> None:
        """Count it."""
        self._count_invalid(camera, kind)

    def followed(self, frame: DetectionMessage, gap: GapReason | None) -> None:
        """Note how late it was, and what nobody looked at before it."""
        received = datetime.fromisoformat(frame.time.received) - _EPOCH
        self._metrics.count_frame(frame.camera, max(0.0, time.time() - received.total_seconds()))
        if gap is not None:
            self._metrics.count_gap(frame.camera, gap)

    def _wanted(self, camera: str) -> bool:
        known = self._settings.cameras.get(camera)
        return known is None or known.events.enabled

    def _tracker(self, camera: str) -> EventTracker:
        rules = rules_for(self._settings, camera)
        tracker = EventTracker(camera, rules, self, self._pictures)
        self._metrics.know_camera(camera, lambda: tracker.open_events)
        if self._pictures:
            self._metrics.snapshots.know_camera(camera)
        return tracker

    def _forget(self, camera: str) -> None:
        self._metrics.forget_camera(camera)
        if self._pictures:
            self._pictures.forget(camera)
