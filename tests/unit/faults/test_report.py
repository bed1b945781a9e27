"""The table of the document is made of figures, and of all rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.outcome import Outcome
from tests.faults.table import ALL_FAULTS


def row(fault: str, **values: object) -> dict[str, object]:
    """A measured row."""
    return Outcome(fault, "something").document() | values


def test_a_row_shows_what_was_measured() -> None:
    """States on the way back are left out, and what was not measured is a dash."""
    states = ["stalled", "reconnecting", "reconnecting", "starting", "online"]
    measured = row("stall", states=states, detect_s=1.04, recover_s=0.2, rss_mib=[67.4, 68.6])
    line = report.table([measured]).splitlines()[-1]
    told = "`stalled`, `reconnecting`"
    assert line == f"| stall | something | {told} | 1.0 | 0.2 | 0 | 0 | 67 / 69 |"
    assert "| - | - | 0 | 0 | - |" in report.table([row("odd")])


def test_the_table_takes_the_place_of_the_old_one() -> None:
    """What stands around it stays, and doing it again changes nothing."""
    text = f"a\n\n{report.BEGIN}\nold\n{report.END}\n\nb\n"
    once = report.with_table(text, "new\n")
    assert once == f"a\n\n{report.BEGIN}\n\nnew\n\n{report.END}\n\nb\n"
    assert report.with_table(once, "new\n") == once
    with pytest.raises(ValueError, match="no <!-- faults"):
        report.with_table("nothing", "new")


def test_later_rows_replace_earlier_ones() -> None:
    """A long run adds its rows to those of a short one."""
    rows = report.merged([{"rows": [row("a"), row("b")]}, {"rows": [row("b", lost=1), row("c")]}])
    assert [(item["fault"], item["lost"]) for item in rows] == [("a", 0), ("b", 1), ("c", 0)]


def test_a_failed_row_is_not_published(tmp_path: Path) -> None:
    """The document promises what was measured to hold."""
    path = tmp_path / "faults.json"
    path.write_text(json.dumps({"rows": [row("stall", complaints=["late"])]}))
    with pytest.raises(SystemExit, match="stall"):
        report.main([path])


def test_the_document_holds_every_row() -> None:
    """A fault that is added to the table is added to the document."""
    text = report.DOCUMENT.read_text("utf-8")
    assert not [fault.name for fault in ALL_FAULTS if f"| {fault.name} |" not in text]
