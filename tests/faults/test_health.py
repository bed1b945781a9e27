"""Faults in which everything runs and nothing arrives: whoever asks is told, and when it is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.fault_rig import base_settings
from tests.faults.node_rig import NodeRig, running_node_rig
from tests.faults.outcome import Outcome
from tests.faults.record import account_for, bound_s, let_pass, wait_for
from tests.support.health import healthcheck, metric, readiness
from tests.support.node import running_node

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

_FPS = 5
_CAMERAS = 2
_DETECT_S, _RECOVER_S = 5.0, 15.0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[NodeRig]:
    """A rig with a page that publishes and is ready."""
    settings = {"web": {"port": 0}, "run_dir": str(tmp_path / "run")}
    with running_node_rig(tmp_path, settings, cameras=_CAMERAS, fps=_FPS) as running:
        running.wait_for_messages(5)
        assert wait_for(lambda: readiness(running.node).is_ready, 60.0), readiness(running.node)
        assert wait_for(lambda: healthcheck(running.node)[0] == 0, 60.0), healthcheck(running.node)
        yield running


def test_redis_refuses_every_write(running: NodeRig, verify: Callable[[Outcome], None]) -> None:
    """It answers, and takes nothing: unready, with the reason and each camera, until it takes."""
    outcome = Outcome("Redis refuses writes", "NOREPLICAS for 8 s: it answers and takes nothing")
    with running.redis.client() as client:
        client.config_set("min-replicas-to-write", 1)
        began_s = time.monotonic()
        told = wait_for(lambda: not readiness(running.node).is_ready, bound_s(_DETECT_S))
        outcome.detect_s = time.monotonic() - began_s if told else None
        outcome.expect(told, "it says that it is ready")
        for name in running.cameras:
            named = wait_for(
                lambda name=name: any(  # type: ignore[misc]
                    name in one and "NOREPLICAS" in one for one in readiness(running.node).reasons
                ),
                bound_s(_DETECT_S),
            )
            outcome.expect(named, f"{name} is not named: {readiness(running.node).reasons}")
        unwell = wait_for(
            lambda: "unhealthy" in (said := healthcheck(running.node)[1]) and "NOREPLICAS" in said,
            bound_s(_DETECT_S),
        )
        outcome.expect(unwell, f"healthcheck: {healthcheck(running.node)}")
        code, said = healthcheck(running.node, "--live")
        outcome.expect(code == 0, f"an orchestrator would kill it: {said}")
        troubles = metric(running.node, "vision_camera_trouble")
        held = [
            labels for labels, value in troubles.items() if 'trouble="held"' in labels and value
        ]
        outcome.expect(len(held) >= _CAMERAS, f"metric: {troubles}")
        let_pass(began_s + 8 - time.monotonic())
        client.config_set("min-replicas-to-write", 0)
    ended_s = time.monotonic()
    outcome.recover_s = running.back_after_s(ended_s, bound_s(_RECOVER_S))
    outcome.expect(outcome.recover_s is not None, "no message after its end")
    over = wait_for(lambda: readiness(running.node).is_ready, bound_s(_RECOVER_S))
    outcome.expect(over, f"still not ready: {readiness(running.node).reasons}")
    over = wait_for(lambda: healthcheck(running.node)[0] == 0, bound_s(_RECOVER_S))
    outcome.expect(over, "healthcheck does not say that it is over")
    for seen in running.recorder.seen.values():
        outcome.lost += account_for(seen).lost
    outcome.expect(outcome.lost == 0, f"{outcome.lost} messages lost")
    verify(outcome)


def test_two_nodes_with_the_same_cameras(
    running: NodeRig, tmp_path: Path, verify: Callable[[Outcome], None]
) -> None:
    """By mistake: both say so; the newer one is ready once the older has ended."""
    outcome = Outcome("a second node", "the same cameras by another node, the first ended then")
    folder = tmp_path / "second"
    folder.mkdir()
    settings = base_settings(running.redis, tmp_path / "models") | {
        "web": {"port": 0},
        "run_dir": str(folder / "run"),
        "cameras": {name: {"url": url, "fps": _FPS} for name, url in running.urls.items()},
    }
    with running_node(folder, settings, redis_password=running.redis.password) as second:
        second.wait_for_log("state=online")
        began_s = time.monotonic()

        def both_say() -> bool:
            return all(
                all(
                    any(name in one and "another process" in one for one in readiness(node).reasons)
                    for name in running.cameras
                )
                for node in (running.node, second)
            )

        told = wait_for(both_say, bound_s(_DETECT_S))
        outcome.detect_s = time.monotonic() - began_s if told else None
        outcome.expect(told, f"{readiness(running.node)} {readiness(second)}")
        for node in (running.node, second):
            unwell = wait_for(lambda node=node: healthcheck(node)[0] == 1, bound_s(_DETECT_S))  # type: ignore[misc]
            outcome.expect(unwell, "one says that it is healthy")
            outcome.expect("publish.other_writer" in node.log, "one log does not say so")
        with running.redis.client() as client:
            newer = {
                name: client.hget(f"vision:state:{{{name}}}", "run") for name in running.cameras
            }
            running.node.stop()
            ended_s = time.monotonic()
            over = wait_for(lambda: readiness(second).is_ready, bound_s(_RECOVER_S))
            outcome.recover_s = time.monotonic() - ended_s if over else None
            outcome.expect(over, f"the second is not ready: {readiness(second).reasons}")
            for name, run in newer.items():
                state = client.hgetall(f"vision:state:{{{name}}}")
                outcome.expect(
                    state[b"state"] == b"online" and int(state[b"run"]) >= int(run or 0),
                    f"{name}: the state is {state}",
                )
    verify(outcome)
