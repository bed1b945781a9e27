"""What each role measures of itself, in a registry of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

import vision
from vision.domain.detections import ModelInfo
from vision.domain.losses import DropReason
from vision.resilience.troubles import Troubles
from vision.telemetry import families as f
from vision.telemetry.camera_collector import CameraCollector
from vision.telemetry.camera_view import CameraView
from vision.telemetry.family import ALL, Family, Label, Role, gauge
from vision.telemetry.redaction import Redactor, process_redactor

BUILD = gauge(
    "vision_build_info",
    "1; the version that runs and its role",
    (Label("version", origin="the program"), Label("role", ALL)),
    ALL,
)
_Made = TypeVar("_Made", bound=MetricWrapperBase)


class _RedactionCollector(Collector):
    """Counts over the process and its workers."""

    def __init__(self, views: Callable[[], Iterable[CameraView]], redactor: Redactor) -> None:
        self._views = views
        self._redactor = redactor

    def collect(self) -> Iterator[Metric]:
        workers = sum(view.counts.redactions for view in self._views())
        count = self._redactor.redactions + workers
        metric = f.REDACTIONS.reading()
        metric.add_metric([], count)
        yield metric


class _TroubleCollector(Collector):
    """What holds now, and what held once with 0."""

    def __init__(self, troubles: Troubles) -> None:
        self._troubles = troubles

    def collect(self) -> Iterator[Metric]:
        metric = f.TROUBLE.reading()
        for (camera, trouble), holds in sorted(self._troubles.gauge().items()):
            metric.add_metric([camera, trouble.value], float(holds))
        yield metric


class NodeMetrics:
    """What a role measures of itself. Thread-safe.

    Only what the role measures is there to be scraped: the attributes of other roles' metrics
    take values all the same, and nobody sees them.
    """

    def __init__(
        self,
        views: Callable[[], Iterable[CameraView]],
        role: Role = "node",
        redactor: Redactor = process_redactor,
        *,
        troubles: Troubles | None = None,
    ) -> None:
        """``views`` gives a reading of all cameras at scrape time.

        ``troubles`` are read at scrape time too; without, there are none.
        """
        self._role = role
        self._registry = CollectorRegistry()
        self._registry.register(CameraCollector(views, role))
        self._registry.register(_RedactionCollector(views, redactor))
        self._registry.register(_TroubleCollector(troubles or Troubles()))
        ProcessCollector(registry=self._registry)
        self.capture_to_publish = self.create(f.CAPTURE_TO_PUBLISH)
        self.frame_age = self.create(f.FRAME_AGE)
        self.inference = self.create(f.INFERENCE)
        self.batch_size = self.create(f.BATCH_SIZE)
        self.published = self.create(f.PUBLISHED)
        self.dropped = self.create(f.DROPPED)
        self.discarded = self.create(f.DISCARDED)
        self.outbox = self.create(f.OUTBOX)
        self._outbox_limit = self.create(f.OUTBOX_LIMIT)
        self._outbox_bytes = self.create(f.OUTBOX_BYTES)
        self._spool_bytes = self.create(f.SPOOL_BYTES)
        self.redis_up = self.create(f.REDIS_UP)
        self._invalid = self.create(f.INVALID)
        self.certificate = self.create(f.CERTIFICATE)
        self._reload_successful = self.create(f.RELOAD_SUCCESSFUL)
        self._reloaded_at = self.create(f.RELOADED_AT)
        self._model = self.create(f.MODEL)
        self.create(BUILD).labels(vision.__version__, role).set(1)

    def know_model(self, model: ModelInfo) -> None:
        """Tell which model answers."""
        self._model.labels(model.name, model.sha256, model.backend).set(1)

    def know_camera(self, name: str) -> None:
        """Begin a camera's series before anything happens to it."""
        self.capture_to_publish.labels(name)
        self.frame_age.labels(name)
        self.discarded.labels(name)
        for reason in DropReason:
            self.dropped.labels(name, reason.value)

    def forget_camera(self, name: str) -> None:
        """End the series of a camera that is no more."""
        for metric in (self.capture_to_publish, self.frame_age, self.discarded):
            with suppress(KeyError):
                metric.remove(name)
        for reason in DropReason:
            with suppress(KeyError):
                self.dropped.remove(name, reason.value)

    def count_invalid(self, camera: str, kind: str) -> None:
        """Note a message that was passed by."""
        self._invalid.labels(camera, kind).inc()

    def read_outbox(
        self, limit: int, waiting_bytes: Callable[[], int], spool_bytes: Callable[[], int]
    ) -> None:
        """Read at each scrape how much waits; ``limit`` messages may, per camera."""
        self._outbox_limit.set(limit)
        self._outbox_bytes.set_function(waiting_bytes)
        self._spool_bytes.set_function(spool_bytes)

    def follow_reloads(self, successful: Callable[[], float], at_s: Callable[[], float]) -> None:
        """Read at each scrape whether the newest settings are followed, and since when."""
        self._reload_successful.set_function(successful)
        self._reloaded_at.set_function(at_s)

    def exposition(self) -> tuple[bytes, str]:
        """All metrics in Prometheus' text format, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def create(self, family: Family[_Made]) -> _Made:
        """A metric of this role; nobody sees it if ``family`` is not of the role."""
        return family.create(self._registry if self._role in family.roles else None)
