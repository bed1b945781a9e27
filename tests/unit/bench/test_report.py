"""Results as documents and as pages."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from bench.report import rendered, replaced
from bench.result import Result, Row
from bench.tables import markdown, number, show
from vision.domain.errors import ConfigError

MACHINE = {
    "command": "python -m bench all",
    "cores": 2,
    "processor": "AMD EPYC",
    "instructions": ["avx2"],
    "memory_gib": 24,
    "system": "Linux 6.18 x86_64",
    "measured_at": "2026-01-02T03:04+00:00",
    "load_before": 0.1,
    "python": "3.11.7",
    "packages": {"numpy": "2.4.6"},
    "redis_server": "7.0.15",
}


def peer(name: str, **figures: float) -> Row:
    """A row of the comparison with four cameras."""
    common = {"fairness": 1.0, "cpu_ms_per_frame": 40.0, "first_detection_s": 9.0, "rss_mib": 900.0}
    return Row("peers", f"4 cameras, {name}", common | figures, {"versions": {"torch": "2"}})


ROWS = [
    Row(
        "infer",
        "yolov8n 384x640",
        {"fps": 1234.56, "cpu_ms_per_frame": 15.24},
        {"requests": 2, "shape": [1, 3, 384, 640]},
    ),
    peer("Ariia Vision", fps=57.0, of_ceiling=0.95, latency_p50_ms=60.0, latency_p99_ms=80.0),
    peer(
        "Faster one",
        fps=60.0,
        of_ceiling=0.99,
        node_times_fps=0.95,
        latency_p50_ms=90.0,
        latency_p99_ms=80.4,
    ),
]


def test_a_table_has_its_figures_to_the_right() -> None:
    """The first column is text, all others are figures."""
    assert markdown(["what", "fps"], [["a", "1"], ["b", "22"]]) == (
        "| what | fps |\n| --- | ---: |\n| a | 1 |\n| b | 22 |\n"
    )


def test_numbers_are_set_for_readers() -> None:
    """Thousands are set apart, and what was not measured is no zero."""
    assert number(12345.6) == "12,346"
    assert number(1.25, 1) == "1.2"
    assert number(None) == "n/a"


def test_a_page_names_machine_and_command() -> None:
    """No figure without where and how it was measured."""
    page = rendered(Result(MACHINE, {}, ROWS), "cpu")
    assert "`python -m bench all` on 2 cores" in page
    assert "(../bench/results/cpu.json)" in page
    assert "| yolov8n 384x640 | 1,234.6 | 15.2 | 2 |" in page


def test_a_page_says_where_a_peer_wins() -> None:
    """A peer that infers more frames is named; half a percent is no lead."""
    page = rendered(Result(MACHINE, {}, ROWS), "cpu")
    assert "- 4 cameras, frames per second: Faster one." in page
    assert "median latency" not in page
    assert "latency p99:" not in page


def test_a_page_without_rows_has_no_empty_tables() -> None:
    """What was not measured has no section."""
    assert "###" not in rendered(Result(MACHINE, {}, []), "cpu")


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    """Definitions written by hand stay as they are."""
    page = "before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n"
    assert replaced(page, "new") == (
        "before\n<!-- bench: begin -->\n\nnew\n\n<!-- bench: end -->\nafter\n"
    )


def test_a_page_without_markers_is_left_alone() -> None:
    """Nothing is overwritten where no place was marked."""
    with pytest.raises(ConfigError, match="add them"):
        replaced("text", "new")


def test_a_result_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    """What is committed is what was measured."""
    path = tmp_path / "cpu.json"
    result = Result(MACHINE, {"bus.mp4": "ab"}, ROWS)
    path.write_text(result.to_json())
    assert Result.load(path) == result


@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "bench/results"), ("{", "not JSON"), ("[]", "--save"), ('{"schema": "x"}', "--save")],
)
def test_what_is_no_result_is_told_in_one_line(tmp_path: Path, text: str | None, says: str) -> None:
    """A wrong file is named together with what to do."""
    path = tmp_path / "x.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        Result.load(path)


def test_a_terminal_shows_every_variant() -> None:
    """Many variants are spread over several tables, none is left out."""
    rows = [Row("encode", f"variant {place}", {"cpu_us": place + 0.5}) for place in range(6)]
    out = io.StringIO()
    show(rows, Console(file=out, width=80))
    shown = " ".join(out.getvalue().split())
    assert all(f"{place}.5" in shown for place in range(6))


def test_a_terminal_shows_what_a_profile_consists_of() -> None:
    """It has no figures to compare; its shares of the time are told."""
    row = Row("profile", "4 cameras", {}, {"percent_by_stage": {"web": 1.25}, "samples": 490})
    out = io.StringIO()
    show([row], Console(file=out, width=80))
    shown = out.getvalue()
    assert "profile, 4 cameras" in shown
    assert "percent by stage" in shown
    assert "1.25" in shown
    assert "samples: 490" in shown
