"""The node itself is killed or stands still: nothing stays behind, and nobody else is to blame."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.node_rig import NodeRig, running_node_rig
from tests.faults.outcome import Outcome
from tests.faults.record import account_for, bound_s, let_pass, wait_for
from tests.support.messages import detection
from tests.support.processes import children_of
from vision.publishing.encoding import encode

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

_START_S, _GONE_S, _GRACE_S, _AWAY_S = 60.0, 10.0, 15.0, 3.0
# Longer than any promise of a worker: the longest is a read of 5 s and 2.5 s of grace.
_STANDS_STILL_S = 9
_CAMERAS, _FPS = 8, 5
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  looked at, nothing is put there


def test_killed_and_restarted(tmp_path: Path, verify: Callable[[Outcome], None]) -> None:
    """Its workers and their memory go with it; a new one starts by itself, with rising runs."""
    outcome = Outcome("node killed", "kill -9 of the node, started again once its workers are gone")
    shared_before = set(_SHARED_MEMORY.iterdir())
    topics = {"run_dir": str(tmp_path / "run")}
    with running_node_rig(tmp_path, topics, cameras=2, fps=5) as rig:
        node, seen = rig.node, rig.recorder.seen
        rig.wait_for_messages(5)
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
        outcome.recover_s = rig.back_after_s(started_s, bound_s(_START_S))
        outcome.expect(outcome.recover_s is not None, f"no messages:\n{node.log[-2000:]}")
        told_s = time.monotonic()
        outcome.expect(node.stop() == 0, "it did not end with 0")
        outcome.notes["stop_s"] = round(time.monotonic() - told_s, 2)
        outcome.expect(outcome.notes["stop_s"] < bound_s(_GRACE_S), "it took long to end")
        for camera in rig.cameras:
            counted = account_for(seen[camera])
            outcome.lost += counted.lost
            outcome.doubled += counted.doubled
            runs = {message.run for message in seen[camera]}
            outcome.expect(len(runs) == 2, f"{camera}: {len(runs)} runs")
        outcome.expect(not outcome.lost, f"{outcome.lost} messages lost")
        outcome.expect(not outcome.doubled, f"{outcome.doubled} messages doubled")
    verify(outcome)


@contextmanager
def standing_still(pids: Sequence[int]) -> Iterator[None]:
    """Stop the processes, in this order, and have them go on in the same."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("with_workers", [False, True])
def test_stands_still(
    tmp_path: Path, verify: Callable[[Outcome], None], *, with_workers: bool
) -> None:
    """Stopped, or frozen with its workers as a container is: it replaces none of them."""
    who = "the node and its workers" if with_workers else "the node"
    outcome = Outcome(
        "container frozen" if with_workers else "node stopped",
        f"SIGSTOP of {who} for {_STANDS_STILL_S} s, {_CAMERAS} cameras",
    )
    with running_node_rig(tmp_path, cameras=_CAMERAS, fps=_FPS) as rig:
        rig.wait_for_messages(10)
        process = rig.node.process
        assert process is not None
        workers = [child.pid for child in children_of(process.pid)] if with_workers else []
        told_s = time.monotonic()
        with standing_still([process.pid, *workers]):
            let_pass(_STANDS_STILL_S)
        ended_s = time.monotonic()
        outcome.recover_s = rig.back_after_s(ended_s, bound_s(_GRACE_S))
        outcome.expect(outcome.recover_s is not None, "no messages afterwards")
        # Whatever is judged late is judged by then.
        let_pass(5.0)
        _expect_same_workers(rig, outcome, told_s, may_reconnect=with_workers)
        assert rig.node.stop() == 0
    verify(outcome)


def _expect_same_workers(
    rig: NodeRig, outcome: Outcome, since_s: float, *, may_reconnect: bool
) -> None:
    """No worker was replaced, no camera said to be away, and each message is accounted for."""
    for camera in rig.cameras:
        counted = account_for(rig.recorder.seen[camera])
        outcome.lost += counted.lost
        outcome.doubled += counted.doubled
        outcome.skipped += counted.skipped
        runs = {message.run for message in rig.recorder.seen[camera]}
        outcome.expect(len(runs) == 1, f"{camera}: {len(runs)} runs")
        told = [item for item in rig.recorder.told[camera] if item.arrived_s >= since_s]
        outcome.states += [item.state for item in told]
        # A connection that was not read for so long may have been given up.
        outcome.expect(may_reconnect or not told, f"{camera}: {told}")
    outcome.expect("worker_lost" not in rig.node.log, "a worker was replaced")
    outcome.expect(not outcome.lost and not outcome.doubled, "lost or doubled messages")


def test_clock_behind_and_redis_away(tmp_path: Path, verify: Callable[[Outcome], None]) -> None:
    """A box without a clock chip after a power cut: all messages reach the streams once Redis is up."""
    outcome = Outcome(
        "clock behind the last run", "by an hour, and Redis comes 3 s after the node is online"
    )
    with running_node_rig(tmp_path, {}, cameras=2, fps=5) as rig:
        node, redis = rig.node, rig.redis
        rig.wait_for_messages(5)
        outcome.expect(node.stop() == 0, "it did not end with 0")
        ahead = (time.time_ns() // 1_000_000) + 3_600_000
        with redis.client() as client:
            for camera in rig.cameras:
                newest = encode(detection(1, camera=camera, run=ahead))
                client.xadd(f"vision:detections:{{{camera}}}", {"message": newest}, id=f"{ahead}-1")
        redis.stop()
        online = node.log.count("state=online")
        node.start()
        up = wait_for(
            lambda: node.log.count("state=online") >= online + len(rig.cameras),
            bound_s(_START_S),
        )
        outcome.expect(up, f"not online:\n{node.log[-2000:]}")
        let_pass(_AWAY_S)
        redis.restart()
        back_s = time.monotonic()
        outcome.recover_s = rig.back_after_s(back_s, bound_s(_GRACE_S))
        outcome.expect(outcome.recover_s is not None, f"no messages:\n{node.log[-2000:]}")
        said = wait_for(lambda: "publish.run_raised" in node.log, bound_s(_GRACE_S))
        outcome.detect_s = time.monotonic() - back_s if said else None
        outcome.expect(said, "the node did not say so")
        seen = rig.recorder.seen
        # What was put ahead is the first that the subscriber sees.
        wait_for(
            lambda: all(seen[camera][-1].run > ahead for camera in rig.cameras),
            bound_s(_GRACE_S),
        )
        for camera in rig.cameras:
            counted = account_for(seen[camera])
            outcome.lost += counted.lost
            outcome.doubled += counted.doubled
            newest_run = seen[camera][-1].run
            outcome.expect(newest_run > ahead, f"{camera}: run {newest_run}")
        outcome.expect(not outcome.lost, f"{outcome.lost} messages lost")
        outcome.expect(not outcome.doubled, f"{outcome.doubled} messages doubled")
    verify(outcome)
