"""The node itself is killed: nothing of it stays behind, and it takes up where it was."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.outcome import Outcome
from tests.faults.record import account, bound_s, wait_for
from tests.faults.station import running_station
from tests.support.processes import children_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_START_S, _GONE_S, _GRACE_S = 60.0, 10.0, 15.0
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  looked at, nothing is put there


def test_killed_and_restarted(tmp_path: Path, judge: Callable[[Outcome], None]) -> None:
    """Its workers and their memory go with it; a new one starts by itself, with rising runs."""
    outcome = Outcome("node killed", "kill -9 of the node, started again once its workers are gone")
    shared_before = set(_SHARED_MEMORY.iterdir())
    topics = {"run_dir": str(tmp_path / "run")}
    with running_station(tmp_path, topics, cameras=2, fps=5) as station:
        node, seen = station.node, station.recorder.seen
        station.wait_for_messages(5)
        assert node.process is not None
        family = children_of(node.process.pid)
        killed_s = time.monotonic()
        node.stop(signal.SIGKILL)
        gone = wait_for(lambda: not any(child.is_alive for child in family), bound_s(_GONE_S))
        outcome.detect_s = time.monotonic() - killed_s
        outcome.expect(gone, f"{[child.pid for child in family if child.is_alive]} stay behind")
        left = set(_SHARED_MEMORY.iterdir()) - shared_before
        outcome.expect(not left, f"shared memory stays behind: {left}")

        started_s = time.monotonic()
        node.start()
        outcome.recover_s = station.back_after_s(started_s, _START_S)
        outcome.expect(outcome.recover_s is not None, f"no messages:\n{node.log[-2000:]}")
        told_s = time.monotonic()
        outcome.expect(node.stop() == 0, "it did not end with 0")
        outcome.notes["stop_s"] = round(time.monotonic() - told_s, 2)
        outcome.expect(outcome.notes["stop_s"] < bound_s(_GRACE_S), "it took long to end")
        for camera in station.cameras:
            counted = account(seen[camera])
            outcome.lost += counted.lost
            outcome.doubled += counted.doubled
            runs = {message.run for message in seen[camera]}
            outcome.expect(len(runs) == 2, f"{camera}: {len(runs)} runs")
        outcome.expect(not outcome.lost, f"{outcome.lost} messages lost")
        outcome.expect(not outcome.doubled, f"{outcome.doubled} messages doubled")
    judge(outcome)
