"""From the start of a process to the first detection on Redis, without containers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.record import Recorder, wait_for
from tests.slo.result import Figure, not_measured, within
from tests.support.node import running_node
from tests.support.redis_server import running_redis
from tests.support.simulator import Simulator
from tests.support.site import clip_with_objects

LIMIT_S = 10.0
_WHAT = "cold start of the node: `vision run` to the first detection of each of two cameras"
_CAMERAS = ("front", "yard")
_PATIENCE_S = 60.0


def measure(folder: Path, runs: int) -> list[Figure]:
    """Each time a new node; cameras and Redis are there."""
    folder.mkdir(parents=True)
    try:
        clip = clip_with_objects(folder)
    except pytest.skip.Exception as missing:
        return [not_measured(_WHAT, f"< {LIMIT_S:g} s", str(missing))]
    simulator = Simulator(dict.fromkeys(_CAMERAS, clip), folder / "cameras")
    simulator.start()
    try:
        took_s = [_took_s(folder / str(run), simulator) for run in range(runs)]
    finally:
        simulator.kill()
    return [within(_WHAT, took_s, LIMIT_S)]


def _took_s(folder: Path, simulator: Simulator) -> float:
    folder.mkdir()
    with running_redis(folder / "redis") as redis, Recorder(redis) as recorder:
        settings = {
            "redis": {"url": redis.settings().url},
            "web": {"enabled": False},
            "cameras": {name: {"url": simulator.urls[name], "fps": 5} for name in _CAMERAS},
        }
        started_s = time.monotonic()
        with running_node(folder, settings, redis_password=redis.password) as node:

            def first(name: str) -> float | None:
                seen = recorder.first_seen(name, started_s, lambda item: item.objects > 0)
                return seen.arrived_s if seen else None

            came = wait_for(lambda: None not in map(first, _CAMERAS), _PATIENCE_S)
            assert came, node.log[-4000:]
            assert node.stop() == 0
        return max(first(name) or 0.0 for name in _CAMERAS) - started_s
