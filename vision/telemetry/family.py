"""What a metric is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, TypeVar

from prometheus_client.metrics import MetricWrapperBase

Role = Literal["node", "ingest", "infer", "web", "events", "narrate", "bridge"]
ALL: tuple[Role, ...] = ("node", "ingest", "infer", "web", "events", "narrate", "bridge")
# `vision web` shows what the others tell; told again here, it would count twice.
PIPELINE: tuple[Role, ...] = ("node", "ingest", "infer")

_Metric = TypeVar("_Metric", bound=MetricWrapperBase)


class Kind(StrEnum):
    """How Prometheus is to read it."""

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


@dataclass(frozen=True, slots=True)
class Family:
    """A metric.

    Attributes:
        name: Without the ``_total`` of counters.
        kind: What it is.
        meaning: One phrase; the help text of the exposition.
        labels: In their order.
        roles: Who exposes it.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[Label, ...] = ()
    roles: tuple[Role, ...] = PIPELINE

    @property
    def exposed_name(self) -> str:
        """As one writes it in a query."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of its labels."""
        return tuple(label.name for label in self.labels)


class Maker(Protocol):
    """Makes a metric of a family for the registry of a role."""

    def __call__(self, kind: type[_Metric], family: Family) -> _Metric:
        """The metric."""
