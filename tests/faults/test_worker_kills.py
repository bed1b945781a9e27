"""Workers are killed and stopped, one after the other, for as long as wanted."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.node_rig import NodeRig, running_node_rig
from tests.faults.outcome import MOST_MORE_FDS, Outcome
from tests.faults.record import account_for, bound_s, let_pass, longest_silence_s, wait_for
from tests.support.worker_processes import ingest_processes, resources_of, workers_on

_CAMERAS, _UNHURT, _FPS = 20, 2, 5
# Five restarts in a minute are at once; 18 cameras have 90 of them, and wait for further ones.
_PAUSE_S = 0.45
_STOPPED_SHARE = 0.1
_SILENCE_S = 5.0
# Past the longest wait for a restart, and the start of a Python process on a busy machine.
_RECOVER_S = 75.0
_MOST_GROWTH = 1.25


@pytest.mark.e2e
@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(30, marks=pytest.mark.timeout(600)),
        pytest.param(2000, marks=[pytest.mark.soak, pytest.mark.timeout(0)]),
    ],
)
def test_workers_are_killed(tmp_path: Path, verify: Callable[[Outcome], None], kills: int) -> None:
    """Newborn ones too: the node lives, and cameras that are spared have no gap."""
    seed = random.SystemRandom().randrange(1 << 32)
    outcome = Outcome(
        f"{kills} workers killed",
        f"kill -9 of a worker, of one in ten SIGSTOP, every {_PAUSE_S} s, until {kills} are"
        f" replaced; {_CAMERAS} cameras",
    )
    with running_node_rig(tmp_path, cameras=_CAMERAS, fps=_FPS, apart=_UNHURT) as rig:
        rig.wait_for_messages(5)
        assert rig.node.process is not None
        node_pid = rig.node.process.pid
        before = resources_of(node_pid)
        began_s = time.monotonic()
        outcome.notes["signals"] = _kill_workers(rig, node_pid, kills, random.Random(seed))
        ended_s = time.monotonic()
        outcome.notes["minutes"] = round((ended_s - began_s) / 60, 1)
        assert rig.node.process.poll() is None, f"seed {seed}: {rig.node.log[-4000:]}"
        outcome.recover_s = rig.back_after_s(ended_s, bound_s(_RECOVER_S))
        outcome.expect(outcome.recover_s is not None, "not all cameras are back")
        after = resources_of(node_pid)
        assert before is not None
        assert after is not None
        outcome.rss_mib, outcome.fds = (before.rss_mib, after.rss_mib), (before.fds, after.fds)
        outcome.notes["replaced"] = rig.node.log.count("ingest.worker_lost")
        assert rig.node.stop() == 0
    outcome.expect("part_failed" not in rig.node.log, "a part of the node failed")
    outcome.expect(after.fds <= before.fds + MOST_MORE_FDS, f"descriptors: {outcome.fds}")
    outcome.expect(after.rss_mib <= before.rss_mib * _MOST_GROWTH, f"memory: {outcome.rss_mib}")
    _account(rig, outcome)
    outcome.expect(not outcome.lost and not outcome.doubled, "lost or doubled messages")
    verify(outcome)


def _kill_workers(rig: NodeRig, node_pid: int, kills: int, chance: random.Random) -> int:
    """Signal workers of all cameras but the spared ones until the node has replaced ``kills``.

    Returns:
        How many signals that took: some meet a worker that is dead or stopped already.
    """
    spared = {*workers_on(node_pid, rig.port_apart)}
    assert len(spared) == _UNHURT
    signals = 0
    while rig.node.log.count("ingest.worker_lost") < kills:
        assert wait_for(lambda: bool({*ingest_processes(node_pid)} - spared), _RECOVER_S)
        victims = sorted({*ingest_processes(node_pid)} - spared)
        is_stopped = chance.random() < _STOPPED_SHARE
        with suppress(ProcessLookupError, IndexError):
            os.kill(chance.choice(victims), signal.SIGSTOP if is_stopped else signal.SIGKILL)
            signals += 1
        let_pass(_PAUSE_S)
    return signals


def _account(rig: NodeRig, outcome: Outcome) -> None:
    """Each message of each camera is accounted for; the spared ones noticed nothing."""
    for camera in rig.cameras:
        seen = rig.recorder.seen[camera]
        counted = account_for(seen)
        outcome.lost += counted.lost
        outcome.doubled += counted.doubled
        if camera not in rig.apart:
            continue
        outcome.others_lost += counted.lost
        runs = {message.run for message in seen}
        outcome.expect(len(runs) == 1, f"{camera} was not killed and has {len(runs)} runs")
        silence_s = longest_silence_s([message.received_s for message in seen])
        outcome.notes["longest_gap_s"] = max(
            round(silence_s, 2), outcome.notes.get("longest_gap_s", 0.0)
        )
        outcome.expect(
            silence_s <= bound_s(_SILENCE_S), f"{camera} was silent for {silence_s:.1f} s"
        )
