"""The node itself is killed: nothing of it stays behind, and it takes up where it was."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.outcome import Outcome
from tests.faults.record import Recorder, account, wait_for
from tests.faults.scene import base_settings, make_clips
from tests.support.node import running_node
from tests.support.processes import children_of
from tests.support.redis_server import running_redis
from tests.support.simulator import Simulator
from tests.support.small_model import small_model

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_START_S, _GONE_S, _GRACE_S = 60.0, 10.0, 15.0
_CAMERAS = ("front", "yard")
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  looked at, nothing is put there


def test_killed_and_restarted(tmp_path: Path, judge: Callable[[Outcome], None]) -> None:
    """Its workers and their memory go with it; a new one starts by itself, with rising runs."""
    outcome = Outcome("node killed", "kill -9 of the node, started again once its workers are gone")
    with ExitStack() as running:
        redis = running.enter_context(running_redis(tmp_path / "redis"))
        recorder = running.enter_context(Recorder(redis))
        clips = make_clips(tmp_path / "clips", "moving")
        simulator = Simulator(dict.fromkeys(_CAMERAS, clips["moving"]), tmp_path / "cameras")
        simulator.start()
        running.callback(simulator.kill)
        settings = base_settings(redis, small_model(tmp_path / "models"))
        settings["run_dir"] = str(tmp_path / "run")
        settings["cameras"] = {name: {"url": url} for name, url in simulator.urls.items()}
        shared_before = set(_SHARED_MEMORY.iterdir())
        node = running.enter_context(
            running_node(tmp_path, settings, redis_password=redis.password)
        )

        def are_up(count: int) -> bool:
            return all(len(recorder.seen[name]) >= count for name in _CAMERAS)

        assert wait_for(lambda: are_up(5), _START_S), node.log[-4000:]
        assert node.process is not None
        family = children_of(node.process.pid)
        killed_s = time.monotonic()
        node.stop(signal.SIGKILL)
        gone = wait_for(lambda: not any(child.is_alive for child in family), _GONE_S)
        outcome.detect_s = time.monotonic() - killed_s
        outcome.expect(gone, f"{[child.pid for child in family if child.is_alive]} stay behind")
        left = set(_SHARED_MEMORY.iterdir()) - shared_before
        outcome.expect(not left, f"shared memory stays behind: {left}")

        started_s, started_utc_s = time.monotonic(), time.time()
        node.start()

        def fresh(camera: str) -> bool:
            return bool(
                recorder.first_seen(camera, started_s, lambda seen: seen.received_s > started_utc_s)
            )

        back = wait_for(lambda: all(map(fresh, _CAMERAS)), _START_S)
        outcome.recover_s = time.monotonic() - started_s if back else None
        outcome.expect(back, f"no messages of the new one:\n{node.log[-2000:]}")
        told_s = time.monotonic()
        outcome.expect(node.stop() == 0, "it did not end with 0")
        outcome.notes["stop_s"] = round(time.monotonic() - told_s, 2)
        outcome.expect(outcome.notes["stop_s"] < _GRACE_S, "it took long to end")
        for camera in _CAMERAS:
            counted = account(recorder.seen[camera])
            outcome.lost += counted.lost
            outcome.doubled += counted.doubled
            runs = {message.run for message in recorder.seen[camera]}
            outcome.expect(len(runs) == 2, f"{camera}: {len(runs)} runs")
        outcome.expect(not outcome.lost, f"{outcome.lost} messages lost")
        outcome.expect(not outcome.doubled, f"{outcome.doubled} messages doubled")
    judge(outcome)
