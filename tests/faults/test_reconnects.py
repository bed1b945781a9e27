"""Connections that end and are made again, over and over."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.outcome import Outcome
from tests.support.clips import make_clip
from tests.support.simulator import Simulator

_MOST_GROWTH = 1.05


@pytest.mark.e2e
@pytest.mark.parametrize(
    "count",
    [
        pytest.param(50, marks=pytest.mark.timeout(900)),
        pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)]),
    ],
)
def test_reconnects(tmp_path: Path, verify: Callable[[Outcome], None], count: int) -> None:
    """Memory stays within 5 %, and no descriptor and no thread is left behind."""
    outcome = Outcome(
        f"{count} reconnects", "the camera cuts each connection after its first frame"
    )
    simulator = Simulator({"front": make_clip(tmp_path / "clip.mp4", fps=25)}, tmp_path)
    simulator.start()
    command = [sys.executable, "-m", "tests.faults.reconnects", simulator.urls["front"], str(count)]
    started_s = time.monotonic()
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("["):
                    first, last = json.loads(line)
                else:
                    simulator.tell("* cut")
    finally:
        simulator.kill()
    assert process.returncode == 0
    outcome.recover_s = (time.monotonic() - started_s) / count
    outcome.rss_mib, outcome.fds = (first[0], last[0]), (first[1], last[1])
    outcome.expect(last[0] <= first[0] * _MOST_GROWTH, f"memory: {outcome.rss_mib} MiB")
    outcome.expect(last[1] == first[1], f"descriptors: {outcome.fds}")
    outcome.expect(last[2] == first[2], f"threads: {first[2]} and {last[2]}")
    verify(outcome)
