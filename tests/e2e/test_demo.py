"""The demo is the whole thread as a program: cameras, Redis, node, subscriber, page."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.clips import make_clip
from tests.support.processes import children_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

COMMAND = [sys.executable, "-m", "vision", "demo"]


def test_people_are_found_on_both_cameras_and_the_document_says_so() -> None:
    """Exit code 0, one JSON document and nothing else on standard output."""
    result = subprocess.run(
        [*COMMAND, "--seconds", "20", "--json"],
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert set(report) == {"seconds", "first_detection_s", "cameras"}
    assert set(report["cameras"]) == {"front", "yard"}
    assert 0 < report["first_detection_s"] < report["seconds"]
    for camera in report["cameras"].values():
        assert camera["state"] == "online"
        assert camera["labels"]["person"] > 0
        assert camera["messages"] > 5
        assert 0 < camera["latency_ms"]["p50"] <= camera["latency_ms"]["p99"]
        assert camera["skipped"] >= 0
    assert "Traceback" not in result.stderr


def test_cameras_that_see_nobody_end_with_a_failure(tmp_path: Path) -> None:
    """A moving box on a gradient is no object: exit code 1, but messages all the same."""
    clip = make_clip(tmp_path / "box.mp4")
    result = subprocess.run(
        [*COMMAND, "--seconds", "8", "--json", "--video", str(clip), "--cameras", "1"],
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert result.returncode == 1, result.stderr
    (camera,) = json.loads(result.stdout)["cameras"].values()
    assert camera["messages"] > 0
    assert camera["labels"] == {}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind(how: signal.Signals, tmp_path: Path) -> None:
    """Cameras, Redis and ingest processes go with the demo, however it ends."""
    with subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as demo:
        assert demo.stdout is not None
        page = next(line.split()[-1] for line in demo.stdout if line.startswith("live page"))
        assert httpx.get(f"{page}livez", timeout=60).status_code == httpx.codes.OK
        family = children_of(demo.pid)
        assert len(family) >= 4
        os.kill(demo.pid, how)
        demo.communicate(timeout=60)
    assert (demo.returncode == -signal.SIGKILL) == (how is signal.SIGKILL)
    for process in family:
        process.wait_until_gone()
