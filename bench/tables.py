"""Results as tables: on a terminal, and in Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from bench.compare import Change
from bench.result import Row

_VARIANTS = 4


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and all others are figures."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def number(value: float | None, digits: int = 0) -> str:
    """With thousands set apart; n/a for what was not measured."""
    return "n/a" if value is None else f"{value:,.{digits}f}"


def show(rows: Iterable[Row], console: Console) -> None:
    """Tables of each case: a column per variant, a few at a time, so that they fit a terminal."""
    by_case: dict[str, list[Row]] = {}
    for row in rows:
        by_case.setdefault(row.case, []).append(row)
    for case, own in by_case.items():
        for start in range(0, len(own), _VARIANTS):
            _show(case, own[start : start + _VARIANTS], console)


def _show(case: str, rows: Sequence[Row], console: Console) -> None:
    for row in rows:
        if not row.figures and row.details:
            _show_details(row, console)
    rows = [row for row in rows if row.figures or not row.details]
    if not rows:
        return
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    table = Table(title=case, title_justify="left")
    table.add_column("figure", no_wrap=True)
    for row in rows:
        table.add_column(row.variant, justify="right")
    for name in names:
        table.add_row(name, *(_shown(row.figures.get(name)) for row in rows))
    console.print(table)


def _show_details(row: Row, console: Console) -> None:
    """What a row without figures consists of: a table for each detail that has parts."""
    for name, value in row.details.items():
        parts = value if isinstance(value, dict) else {}
        if not parts:
            console.print(f"{name}: {value}")
            continue
        table = Table(title=f"{row.case}, {row.variant}", title_justify="left")
        table.add_column(name.replace("_", " "))
        table.add_column("", justify="right")
        for part, figure in parts.items():
            table.add_row(part, _shown(figure))
        console.print(table)


def show_changes(found: Iterable[Change], console: Console) -> None:
    """A line per figure; those past their tolerance stand out."""
    table = Table()
    for name in ("figure", "before", "after", "change", ""):
        table.add_column(name, justify="left" if name == "figure" else "right")
    for one in found:
        verdict = "WORSE" if one.is_too_bad else ""
        better = f"{-one.worse_by:+.1%}"
        table.add_row(
            one.name,
            _shown(one.before),
            _shown(one.after),
            better,
            verdict,
            style="bold red" if one.is_too_bad else None,
        )
    console.print(table)
    console.print("change: above zero is better")


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.4g}"
