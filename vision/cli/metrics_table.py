"""Every metric as a table, for docs/metrics.md and ``vision metrics``."""

from __future__ import annotations

from collections.abc import Iterator

from vision.telemetry.families import FAMILIES
from vision.telemetry.family import ALL, Family

COLUMNS = ("metric", "kind", "labels", "roles", "meaning")


def metric_rows() -> Iterator[tuple[str, ...]]:
    """A row per metric, in the order of :data:`COLUMNS`."""
    for family in FAMILIES:
        roles = "all" if family.roles == ALL else ", ".join(family.roles)
        yield family.exposed_name, family.kind, _labels_text(family), roles, family.meaning


def metrics_markdown() -> str:
    """The table of docs/metrics.md."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    lines += [f"| `{name}` | {' | '.join(rest)} |" for name, *rest in metric_rows()]
    return "\n".join(lines)


def _labels_text(family: Family) -> str:
    return "; ".join(
        label.name + (f": {', '.join(label.values)}" if label.values else "")
        for label in family.labels
    )
