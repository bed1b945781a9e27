"""What a role measures of itself, in a registry of its own (see :mod:`..families`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

import vision
from vision.domain.detections import ModelInfo
from vision.resilience.troubles import Troubles
from vision.telemetry import families as f
from vision.telemetry.camera_collector import CameraCollector
from vision.telemetry.camera_view import CameraView
from vision.telemetry.event_metrics import EventMetrics
from vision.telemetry.family import Family, Role
from vision.telemetry.redaction import Redactor, process_redactor

_SECONDS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5)
_FRAMES = (1, 2, 4, 8, 16, 32, 64)
_Metric = TypeVar("_Metric", bound=MetricWrapperBase)


class _RedactionCollector(Collector):
    """Counts over the process and its workers."""

    def __init__(self, views: Callable[[], Iterable[CameraView]], redactor: Redactor) -> None:
        self._views = views
        self._redactor = redactor

    def collect(self) -> Iterator[Metric]:
        workers = sum(view.counts.redactions for view in self._views())
        count = self._redactor.redactions + workers
        yield CounterMetricFamily(f.REDACTIONS.name, f.REDACTIONS.meaning, value=count)


class _TroubleCollector(Collector):
    """What holds now, and what held once with 0."""

    def __init__(self, troubles: Troubles) -> None:
        self._troubles = troubles

    def collect(self) -> Iterator[Metric]:
        family = f.TROUBLE
        metric = GaugeMetricFamily(family.name, family.meaning, labels=family.label_names)
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
        self.capture_to_publish = self._make(Histogram, f.CAPTURE_TO_PUBLISH, buckets=_SECONDS)
        self.frame_age = self._make(Histogram, f.FRAME_AGE, buckets=_SECONDS)
        self.inference = self._make(Histogram, f.INFERENCE, buckets=_SECONDS)
        self.batch_size = self._make(Histogram, f.BATCH_SIZE, buckets=_FRAMES)
        self.published = self._make(Counter, f.PUBLISHED)
        self.dropped = self._make(Counter, f.DROPPED)
        self.discarded = self._make(Counter, f.DISCARDED)
        self.outbox = self._make(Gauge, f.OUTBOX)
        self._outbox_limit = self._make(Gauge, f.OUTBOX_LIMIT)
        self._outbox_bytes = self._make(Gauge, f.OUTBOX_BYTES)
        self._spool_bytes = self._make(Gauge, f.SPOOL_BYTES)
        self.redis_up = self._make(Gauge, f.REDIS_UP)
        self._invalid = self._make(Counter, f.INVALID)
        self.certificate = self._make(Gauge, f.CERTIFICATE)
        self.events = EventMetrics(self._make)
        self._model = self._make(Gauge, f.MODEL)
        self._make(Gauge, f.BUILD).labels(vision.__version__, role).set(1)

    def know_model(self, model: ModelInfo) -> None:
        """Tell which model answers."""
        self._model.labels(model.name, model.sha256, model.backend).set(1)

    def know_camera(self, name: str) -> None:
        """Begin a camera's series before anything happens to it."""
        self.capture_to_publish.labels(name)
        self.frame_age.labels(name)
        self.discarded.labels(name)
        for reason in f.DROPPED.labels[-1].values:
            self.dropped.labels(name, reason)

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

    def exposition(self) -> tuple[bytes, str]:
        """All metrics in Prometheus' text format, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def _make(self, kind: type[_Metric], family: Family, **options: object) -> _Metric:
        registry = self._registry if self._role in family.roles else None
        arguments: Mapping[str, object] = {"registry": registry, **options}
        return kind(family.name, family.meaning, family.label_names, **arguments)  # type: ignore[arg-type]  # as the client takes them
