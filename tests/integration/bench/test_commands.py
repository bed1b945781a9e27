"""``python -m bench`` as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.result import Result, Row

pytestmark = pytest.mark.integration

_ROOT = Path(__file__).parents[3]


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command."""
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def kept(path: Path, **figures: float) -> Path:
    """A result with one row."""
    path.write_text(Result({}, {}, [Row("encode", "5 objects", figures)]).to_json())
    return path


def test_a_stage_is_measured_in_a_process_of_its_own() -> None:
    """The terminal shows each variant with its figures, and the machine."""
    done = bench("encode", "--seconds", "0.05", "--rounds", "2")
    assert done.returncode == 0, done.stderr
    assert "50 objects" in done.stdout
    assert "cpu_us" in done.stdout
    assert "cores" in done.stdout


def test_publishing_is_measured_on_a_real_redis() -> None:
    """Messages reach a server and a subscriber."""
    done = bench("publish", "--seconds", "0.2")
    assert done.returncode == 0, done.stderr
    assert "redis_cpu_us" in done.stdout
    assert "handed_over_to_received_p99_us" in done.stdout


def test_a_result_that_is_worse_ends_with_one(tmp_path: Path) -> None:
    """A script can tell a regression from what is as good as before."""
    before = kept(tmp_path / "a.json", cpu_us=20.0)
    as_good, worse = (
        kept(tmp_path / "b.json", cpu_us=21.0),
        kept(tmp_path / "c.json", cpu_us=30.0),
    )
    assert bench("compare", before, as_good).returncode == 0
    done = bench("compare", before, worse)
    assert done.returncode == 1
    assert "encode, 5 objects: cpu_us: worse by 50.0%, allowed 10%" in done.stderr
    assert bench("compare", before, worse, "--tolerance", "0.6").returncode == 0


def test_a_file_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    """Bad input ends with two and without a traceback."""
    done = bench("compare", tmp_path / "missing.json", tmp_path / "missing.json")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "name a file of bench/results" in " ".join(done.stderr.split())
