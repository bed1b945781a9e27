"""Figures, their verdicts, and the table of the document."""

from __future__ import annotations

import json
import random
from itertools import islice
from pathlib import Path

import pytest

from tests.slo import report
from tests.slo.fault_deck import DECK, DECK_SIZE, shuffled
from tests.slo.result import not_measured, row, table, within

MACHINE = {
    "cores": 2,
    "processor": "processor",
    "memory_gib": 24,
    "system": "Linux",
    "python": "3.11",
    "command": "python -m tests.slo",
}


def test_the_slowest_of_all_decides() -> None:
    """Not the one in the middle."""
    assert within("a", [1.0, 2.0, 2.9], 3.0).met is True
    late = within("a", [1.0, 1.0, 3.0], 3.0)
    assert late.met is False
    assert (
        row(late.document()) == "| a | < 3 s | 1.00 s in the middle of 3, 3.00 s at most | **no** |"
    )


def test_what_was_not_measured_is_said() -> None:
    """It is neither met nor missed."""
    figure = not_measured("a stack", "< 10 s", "no Docker engine")
    assert figure.met is None
    assert table([figure.document()]).splitlines()[-1] == (
        "| a stack | < 10 s | not measured: no Docker engine | - |"
    )


def test_a_later_file_adds_to_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And replaces what has the same name; what stands around the table stays."""
    document = tmp_path / "operations.md"
    document.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    monkeypatch.setattr(report, "DOCUMENT", document)
    files = []
    for number, values in enumerate(({"a": 1.0, "b": 2.0}, {"b": 1.5})):
        files.append(tmp_path / f"{number}.json")
        figures = [within(what, [took_s], 3.0).document() for what, took_s in values.items()]
        files[-1].write_text(json.dumps({"machine": MACHINE, "figures": figures}))
    report.main(files)
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| a | < 3 s | 1.00 s in the middle" in text
    assert "| b | < 3 s | 1.50 s in the middle" in text
    assert "2.00 s" not in text


def test_a_deck_has_every_fault_as_often_as_it_says() -> None:
    """In any order, and then again."""
    twice = [*islice(shuffled(random.Random(7)), 2 * DECK_SIZE)]
    for half in (twice[:DECK_SIZE], twice[DECK_SIZE:]):
        assert {fault.what: half.count(fault) for fault in DECK} == {
            fault.what: fault.times for fault in DECK
        }
    assert twice[:DECK_SIZE] != twice[DECK_SIZE:]
