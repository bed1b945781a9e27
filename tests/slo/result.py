"""What was measured against a target, and whether that is met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        what: A phrase.
        target: As it is told.
        value: Figures in words; why there are none where ``met`` is None.
        met: None where it was not measured.
        details: All that the words were made of.
    """

    what: str
    target: str
    value: str
    met: bool | None
    details: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As it stands in the JSON."""
        return asdict(self)


def within(what: str, took_s: Sequence[float], limit_s: float, **details: Any) -> Figure:
    """Times, all of which have to be shorter than ``limit_s``."""
    times = [round(value, 2) for value in took_s]
    return Figure(
        what,
        f"< {limit_s:g} s",
        f"{median(times):.2f} s in the middle of {len(times)}, {max(times):.2f} s at most",
        max(times) < limit_s,
        {"took_s": times, **details},
    )


def not_measured(what: str, target: str, why: str) -> Figure:
    """A line without a figure."""
    return Figure(what, target, f"not measured: {why}", met=None)


def missed(what: str, target: str, value: str, log: str) -> Figure:
    """A line of something that did not work at all."""
    return Figure(what, target, value, met=False, details={"log": log})


def table(figures: Iterable[Mapping[str, Any]]) -> str:
    """Figures, as documents, in Markdown."""
    head = "| what | target | measured | met |\n| --- | --- | --- | --- |\n"
    return head + "".join(f"{row(figure)}\n" for figure in figures)


def row(figure: Mapping[str, Any]) -> str:
    """One of them."""
    verdict = {None: "-", True: "yes", False: "**no**"}[figure["met"]]
    return f"| {figure['what']} | {figure['target']} | {figure['value']} | {verdict} |"
