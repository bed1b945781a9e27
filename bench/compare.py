"""Two results side by side: which figures are worse by more than a tolerance.

The name of a figure says in what direction it is better: rates, shares of the ceiling and
fairness upwards, times, memory and processor time downwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.result import Result

_HIGHER = ("fps", "per_s", "fairness", "of_offered")
_HIGHER_BEGIN = "of_ceiling"
_LOWER_UNITS = ("_ms", "_us", "_s", "_mib", "_cost", "_ms_per_frame")


@dataclass(frozen=True, slots=True)
class Change:
    """One figure in two results.

    Attributes:
        name: What it is.
        before: In the first result.
        after: In the second.
        worse_by: Share of ``before`` by which it got worse; negative where it got better.
        tolerance: How much worse it may be.
    """

    name: str
    before: float
    after: float
    worse_by: float
    tolerance: float

    @property
    def is_too_bad(self) -> bool:
        """Whether it is worse by more than allowed."""
        return self.worse_by > self.tolerance


def higher_is_better(name: str) -> bool | None:
    """In which direction a figure is better, None if its name does not tell."""
    if name in _HIGHER or name.startswith(_HIGHER_BEGIN) or name.endswith("_times_fps"):
        return True
    return False if name.endswith(_LOWER_UNITS) else None


def change(name: str, before: float, after: float, tolerance: float, *, higher: bool) -> Change:
    """How much worse a figure is; what was nothing before can only have grown."""
    if before == after:
        return Change(name, before, after, 0.0, tolerance)
    share = (after - before) / before if before else float("inf")
    return Change(name, before, after, -share if higher else share, tolerance)


def changes(before: Result, after: Result, tolerance: float) -> list[Change]:
    """All figures that both have and whose direction is known."""
    others = {row.key: row for row in after.rows}
    found = []
    for row in before.rows:
        other = others.get(row.key)
        for name, value in row.figures.items():
            higher = higher_is_better(name)
            if other is None or higher is None or name not in other.figures:
                continue
            label = f"{row.case}, {row.variant}: {name}"
            found.append(change(label, value, other.figures[name], tolerance, higher=higher))
    return found


def differing_inputs(before: Result, after: Result) -> list[str]:
    """Clips and models of one name whose contents are not the same: figures do not compare."""
    return [
        name for name, sha256 in before.inputs.items() if after.inputs.get(name, sha256) != sha256
    ]


def too_bad(found: Iterable[Change]) -> list[Change]:
    """Those past their tolerance, worst first."""
    return sorted((one for one in found if one.is_too_bad), key=lambda one: -one.worse_by)
