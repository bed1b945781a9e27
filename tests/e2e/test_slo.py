"""The program that measures what is promised, as one starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def _measured(tmp_path: Path, *words: str, **environ: str) -> list[dict[str, Any]]:
    kept = tmp_path / "slo.json"
    answer = subprocess.run(
        [sys.executable, "-m", "tests.slo", *words, "--json", kept],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert kept.exists(), answer.stderr
    figures: list[dict[str, Any]] = json.loads(kept.read_text())["figures"]
    # What is missed decides, and on a busy machine a time may be.
    assert answer.returncode == int(any(figure["met"] is False for figure in figures))
    assert len(answer.stdout.splitlines()) == len(figures)
    return figures


def test_a_cold_start_is_measured(tmp_path: Path) -> None:
    """Or it is said why it is not."""
    (figure,) = _measured(tmp_path, "--only", "cold-start", "--runs", "1")
    if figure["met"] is None:
        pytest.skip(figure["value"])
    assert len(figure["details"]["took_s"]) == 1
    assert figure["details"]["took_s"][0] > 0.5


def test_without_an_engine_containers_are_left_out(tmp_path: Path) -> None:
    """No target is missed by that."""
    figures = _measured(tmp_path, "--only", "stack", DOCKER_HOST="unix:///nobody/docker.sock")
    assert {figure["value"] for figure in figures} == {"not measured: no Docker engine"}
    assert {figure["met"] for figure in figures} == {None}
