"""How a metric is declared: once, for Prometheus and for the table of docs/metrics.md.

A module that measures declares its metrics at module level with :func:`counter`, :func:`gauge`
and :func:`histogram`. :func:`families_in` finds them there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import ModuleType
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics import MetricWrapperBase

Role = Literal["node", "ingest", "infer", "web", "events", "narrate", "bridge"]
ALL: tuple[Role, ...] = ("node", "ingest", "infer", "web", "events", "narrate", "bridge")
# `vision web` shows what other roles measure; exposed again here, it would count twice.
PIPELINE: tuple[Role, ...] = ("node", "ingest", "infer")

Metric_co = TypeVar("Metric_co", bound=MetricWrapperBase, covariant=True)
_Made = TypeVar("_Made", bound=MetricWrapperBase)


class Kind(StrEnum):
    """How Prometheus reads a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Label:
    """A label of a metric.

    Attributes:
        name: As in the exposition.
        values: All it can have, in the order to show them; empty where ``origin`` decides.
        origin: Where its values come from.
    """

    name: str
    values: tuple[str, ...] = ()
    origin: str = ""


CAMERA = Label("camera", origin="the settings, or Redis where cameras are found there")


@dataclass(frozen=True, slots=True)
class Family(Generic[Metric_co]):
    """A metric.

    Attributes:
        metric: The class of the client library.
        name: Without the ``_total`` of counters.
        meaning: One phrase; the help text of the exposition.
        labels: In their order.
        roles: Who exposes it.
        buckets: Upper bounds, of a histogram.
    """

    metric: type[Metric_co]
    name: str
    meaning: str
    labels: tuple[Label, ...] = ()
    roles: tuple[Role, ...] = PIPELINE
    buckets: tuple[float, ...] = ()

    @property
    def kind(self) -> Kind:
        """How Prometheus reads it."""
        return Kind(self.metric.__name__.lower())

    @property
    def exposed_name(self) -> str:
        """As one writes it in a query."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of its labels."""
        return tuple(label.name for label in self.labels)

    def create(self, registry: CollectorRegistry | None) -> Metric_co:
        """The metric, to be scraped from ``registry``."""
        options: dict[str, Any] = {"buckets": self.buckets} if self.buckets else {}
        return self.metric(self.name, self.meaning, self.label_names, registry=registry, **options)

    def reading(self) -> CounterMetricFamily | GaugeMetricFamily:
        """An empty reading of it, for a collector that fills it when somebody scrapes."""
        make = CounterMetricFamily if self.kind is Kind.COUNTER else GaugeMetricFamily
        return make(self.name, self.meaning, labels=self.label_names)


AnyFamily: TypeAlias = Family[MetricWrapperBase]


class MetricFactory(Protocol):
    """Makes metrics for the registry of a role."""

    def __call__(self, family: Family[_Made]) -> _Made:
        """The metric that ``family`` declares."""


def counter(
    name: str, meaning: str, labels: tuple[Label, ...] = (), roles: tuple[Role, ...] = PIPELINE
) -> Family[Counter]:
    """Declare a counter; ``name`` is without ``_total``."""
    return Family(Counter, name, meaning, labels, roles)


def gauge(
    name: str, meaning: str, labels: tuple[Label, ...] = (), roles: tuple[Role, ...] = PIPELINE
) -> Family[Gauge]:
    """Declare a gauge."""
    return Family(Gauge, name, meaning, labels, roles)


def histogram(
    name: str,
    meaning: str,
    buckets: tuple[float, ...],
    labels: tuple[Label, ...] = (),
    roles: tuple[Role, ...] = PIPELINE,
) -> Family[Histogram]:
    """Declare a histogram."""
    return Family(Histogram, name, meaning, labels, roles, buckets)


def families_in(module: ModuleType) -> tuple[AnyFamily, ...]:
    """The metrics that a module declares, in the order of its lines."""
    return tuple(value for value in vars(module).values() if isinstance(value, Family))
