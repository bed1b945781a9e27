"""The metrics of events and of their pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from vision.domain.event import EventMessage, EventType, GapReason
from vision.events.snapshot_store import SnapshotFailure, SnapshotRemoval
from vision.telemetry.family import CAMERA, Label, MetricFactory, Role, counter, gauge

_ROLES: tuple[Role, ...] = ("node", "events")

EVENTS = counter(
    "vision_events",
    "messages of events that were told, by what they say and of what",
    (CAMERA, Label("type", tuple(EventType)), Label("label", origin="the model")),
    _ROLES,
)
OPEN = gauge("vision_events_open", "events that have begun and not ended", (CAMERA,), _ROLES)
LAG = gauge(
    "vision_events_lag_seconds",
    "time from the arrival of the newest frame that was tracked until it was",
    (CAMERA,),
    _ROLES,
)
FRAMES = counter("vision_events_frames", "inferred frames that were tracked", (CAMERA,), _ROLES)
GAPS = counter(
    "vision_events_gaps",
    "spans between two tracked frames that nobody looked at",
    (CAMERA, Label("reason", tuple(GapReason))),
    _ROLES,
)

SNAPSHOTS_TAKEN = counter(
    "vision_snapshots_taken",
    "pictures of events that were kept, each that took the place of another included",
    (CAMERA,),
    _ROLES,
)
SNAPSHOTS_FAILED = counter(
    "vision_snapshots_failed",
    "pictures of events that could not be kept",
    (CAMERA, Label("reason", tuple(SnapshotFailure))),
    _ROLES,
)
SNAPSHOTS_REMOVED = counter(
    "vision_snapshots_removed",
    "pictures of events that were removed, for their age or to make room",
    (Label("reason", tuple(SnapshotRemoval)),),
    _ROLES,
)
SNAPSHOTS_BYTES = gauge(
    "vision_snapshots_bytes",
    "disk of the pictures of events, looked at once a minute; 0 without events.snapshots.enabled",
    roles=_ROLES,
)
SNAPSHOTS_LIMIT_BYTES = gauge(
    "vision_snapshots_limit_bytes",
    "disk that pictures of events may take; 0 without events.snapshots.enabled",
    roles=_ROLES,
)
SNAPSHOTS_OLDEST_AGE = gauge(
    "vision_snapshots_oldest_age_seconds",
    "age of the oldest picture of an event that is kept; 0 without any",
    roles=_ROLES,
)


class EventMetrics:
    """Counts into the registry of a role. Thread-safe."""

    def __init__(self, create: MetricFactory) -> None:
        self._events = create(EVENTS)
        self._open = create(OPEN)
        self._lag = create(LAG)
        self._gaps = create(GAPS)
        self._frames = create(FRAMES)
        self.snapshots = SnapshotMetrics(create)

    def know_camera(self, camera: str, open_events: Callable[[], int]) -> None:
        """Begin a camera's series; ``open_events`` is read when somebody asks."""
        self._open.labels(camera).set_function(open_events)
        self._frames.labels(camera)
        for reason in GapReason:
            self._gaps.labels(camera, reason.value)

    def forget_camera(self, camera: str) -> None:
        """Another worker tells of what is open there."""
        for of_camera in (self._open, self._lag):
            # Nothing was told of it yet.
            with suppress(KeyError):
                of_camera.remove(camera)

    def count(self, message: EventMessage) -> None:
        """Note a message that was told."""
        self._events.labels(message.camera, EventType(message.type).value, message.label).inc()

    def count_gap(self, camera: str, reason: GapReason) -> None:
        """Note a span that nobody looked at."""
        self._gaps.labels(camera, reason.value).inc()

    def count_frame(self, camera: str, lag_s: float) -> None:
        """Note a frame that was tracked, and how far behind it the tracking is."""
        self._frames.labels(camera).inc()
        self._lag.labels(camera).set(lag_s)


class SnapshotMetrics:
    """Counts into the registry of a role. Thread-safe.

    Implements :class:`vision.events.snapshot_store.StoreObserver`.
    """

    def __init__(self, create: MetricFactory, utc_s: Callable[[], float] = time.time) -> None:
        self._utc_s = utc_s
        self._oldest_s: float | None = None
        self._taken = create(SNAPSHOTS_TAKEN)
        self._failed = create(SNAPSHOTS_FAILED)
        self._removed = create(SNAPSHOTS_REMOVED)
        self._bytes = create(SNAPSHOTS_BYTES)
        self._limit_bytes = create(SNAPSHOTS_LIMIT_BYTES)
        create(SNAPSHOTS_OLDEST_AGE).set_function(self._oldest_age_s)

    def know_limit(self, limit_bytes: int) -> None:
        """Tell how much the pictures may take; from now on they are counted."""
        self._limit_bytes.set(limit_bytes)
        for reason in SnapshotRemoval:
            self._removed.labels(reason.value)

    def know_camera(self, camera: str) -> None:
        """Begin a camera's series before anything happens to it."""
        self._taken.labels(camera)
        for reason in SnapshotFailure:
            self._failed.labels(camera, reason.value)

    def kept(self, camera: str) -> None:
        """Note a picture that was written."""
        self._taken.labels(camera).inc()

    def failed(self, camera: str, reason: SnapshotFailure) -> None:
        """Note a picture that could not be."""
        self._failed.labels(camera, reason.value).inc()

    def removed(self, reason: SnapshotRemoval) -> None:
        """Note a picture that is gone."""
        self._removed.labels(reason.value).inc()

    def measured(self, held_bytes: int, oldest_s: float | None) -> None:
        """Note what the folder holds; ``oldest_s`` is in seconds since 1970, UTC."""
        self._bytes.set(held_bytes)
        self._oldest_s = oldest_s

    def _oldest_age_s(self) -> float:
        oldest_s = self._oldest_s
        return 0.0 if oldest_s is None else max(0.0, self._utc_s() - oldest_s)
