"""Counts what becomes of pictures of events."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import Counter, Gauge

from vision.domain.snapshot import SnapshotFailure, SnapshotRemoval
from vision.telemetry import snapshot_families as f
from vision.telemetry.family import Maker


class SnapshotMetrics:
    """Counts into the registry of a role. Thread-safe.

    Implements :class:`vision.events.snapshot_store.StoreObserver`.
    """

    def __init__(self, make: Maker, utc_s: Callable[[], float] = time.time) -> None:
        self._utc_s = utc_s
        self._oldest_s: float | None = None
        self._taken = make(Counter, f.TAKEN)
        self._failed = make(Counter, f.FAILED)
        self._removed = make(Counter, f.REMOVED)
        self._bytes = make(Gauge, f.BYTES)
        self._limit_bytes = make(Gauge, f.LIMIT_BYTES)
        make(Gauge, f.OLDEST_AGE).set_function(self._oldest_age_s)

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
