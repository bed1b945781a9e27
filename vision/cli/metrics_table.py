"""Every metric as a table, for docs/metrics.md and ``vision metrics``."""

from __future__ import annotations

from collections.abc import Iterator

import vision.bridges.metrics
import vision.events.metrics
import vision.narration.metrics
import vision.telemetry.families
import vision.telemetry.metrics
from vision.telemetry.family import ALL, AnyFamily, families_in

MODULES = (
    vision.telemetry.families,
    vision.events.metrics,
    vision.narration.metrics,
    vision.bridges.metrics,
    vision.telemetry.metrics,
)
"""Where metrics are declared, in the order of docs/metrics.md: a feature adds its module here."""


def families() -> tuple[AnyFamily, ...]:
    """Every metric of every role, in the order of docs/metrics.md."""
    return tuple(family for module in MODULES for family in families_in(module))


COLUMNS = ("metric", "kind", "labels", "roles", "meaning")


def metric_rows() -> Iterator[tuple[str, ...]]:
    """A row per metric, in the order of :data:`COLUMNS`."""
    for family in families():
        roles = "all" if family.roles == ALL else ", ".join(family.roles)
        yield family.exposed_name, family.kind, _labels_text(family), roles, family.meaning


def metrics_markdown() -> str:
    """The table of docs/metrics.md."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    lines += [f"| `{name}` | {' | '.join(rest)} |" for name, *rest in metric_rows()]
    return "\n".join(lines)


def _labels_text(family: AnyFamily) -> str:
    return "; ".join(
        label.name + (f": {', '.join(label.values)}" if label.values else "")
        for label in family.labels
    )
