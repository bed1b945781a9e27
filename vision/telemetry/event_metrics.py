"""What is measured where objects are tracked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from prometheus_client import Counter, Gauge

from vision.domain.event import EventMessage, EventType, GapReason
from vision.telemetry import event_families as f
from vision.telemetry.family import Maker
from vision.telemetry.snapshot_metrics import SnapshotMetrics


class EventMetrics:
    """Counts into the registry of a role. Thread-safe."""

    def __init__(self, make: Maker) -> None:
        self._events = make(Counter, f.EVENTS)
        self._open = make(Gauge, f.OPEN)
        self._lag = make(Gauge, f.LAG)
        self._gaps = make(Counter, f.GAPS)
        self._frames = make(Counter, f.FRAMES)
        self.snapshots = SnapshotMetrics(make)

    def know_camera(self, camera: str, open_events: Callable[[], int]) -> None:
        """Begin a camera's series; ``open_events`` is read when somebody asks."""
        self._open.labels(camera).set_function(open_events)
        self._frames.labels(camera)
        for reason in GapReason:
            self._gaps.labels(camera, reason.value)

    def forget_camera(self, camera: str) -> None:
        """Another worker tells of what is open there."""
        for gauge in (self._open, self._lag):
            # Nothing was told of it yet.
            with suppress(KeyError):
                gauge.remove(camera)

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
