"""Random faults for as long as wanted: what holds once has to hold every time."""

from __future__ import annotations

import itertools
import random
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.fault import Fault
from tests.faults.fault_rig import CONTROL_CAMERA, FaultRig, running_fault_rig
from tests.faults.outcome import Outcome
from tests.faults.record import account_for, let_pass, wait_for
from tests.faults.table import ALL_FAULTS

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]

_AT_ONCE = 4
_BETWEEN_S = 0.4
# Of the same fault, in faults: a clock that steps twice in a minute is told of once.
_APART = 20
_ROUNDS_PER_OUTAGE = 5
_OUTAGE_S, _RECOVER_S = 4.0, 20.0
# Until then the node fills what it keeps on purpose: rates, latencies, threads' heaps.
_WARM_UP_S, _MOST_GROWTH = 300.0, 1.05


def test_soak(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each fault meets its row whenever it comes, and the node's memory stays where it was."""
    minutes = request.config.getoption("--soak-minutes")
    seed = random.SystemRandom().randrange(1 << 32)
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    memory: list[tuple[float, float]] = []
    complaints: list[str] = []
    with running_fault_rig(tmp_path, ALL_FAULTS) as rig:
        began_s = time.monotonic()
        rounds = _rounds(random.Random(seed))
        for number, faults in enumerate(rounds, 1):
            if time.monotonic() - began_s > minutes * 60:
                break
            for outcome in _side_by_side(rig, faults):
                outcomes[outcome.fault].append(outcome)
            if number % _ROUNDS_PER_OUTAGE == 0:
                outcomes["Redis killed"].append(_outage(rig))
            complaints += rig.control_camera_complaints()
            rig.recorder.forget()
            held = rig.held_by_node()
            assert held is not None, rig.node.log[-4000:]
            memory.append((time.monotonic() - began_s, held.rss_mib))
        assert rig.node.stop() == 0
    with capsys.disabled():
        print(f"\n{len(memory)} rounds in {minutes:g} minutes, seed {seed}")  # noqa: T201
        for name, several in sorted(outcomes.items()):
            print(_summary(name, several))  # noqa: T201
        print("node, MiB:", *(f"{mib:.0f}" for _, mib in memory))  # noqa: T201
    complaints += [
        f"{name}: {complaint}"
        for name, several in outcomes.items()
        for outcome in several
        for complaint in outcome.complaints
    ]
    assert not complaints, f"seed {seed}: {complaints}"
    warm = [mib for at_s, mib in memory if at_s >= _WARM_UP_S] or [0.0]
    assert warm[-1] <= warm[0] * _MOST_GROWTH, memory


def _rounds(chance: random.Random) -> Iterator[list[Fault]]:
    """Faults to run at once, without end: in each pass all of them, and none again too soon."""
    lately: deque[Fault] = deque(maxlen=_APART)

    def faults() -> Iterator[Fault]:
        while True:
            left = [*ALL_FAULTS]
            while left:
                fault = chance.choice([item for item in left if item not in lately])
                left.remove(fault)
                lately.append(fault)
                yield fault

    endless = faults()
    while True:
        yield [*itertools.islice(endless, _AT_ONCE)]


def _side_by_side(rig: FaultRig, faults: list[Fault]) -> list[Outcome]:
    with ThreadPoolExecutor(len(faults)) as pool:
        running = []
        for fault in faults:
            running.append(pool.submit(rig.run, fault))
            let_pass(_BETWEEN_S)
        return [future.result() for future in running]


def _outage(rig: FaultRig) -> Outcome:
    """Redis is killed and comes back; the control camera has to be complete."""
    outcome = Outcome("Redis killed", f"kill -9, back after {_OUTAGE_S:.0f} s")
    rig.redis.kill()
    let_pass(_OUTAGE_S)
    rig.redis.restart()
    ended_s, ended_utc_s = time.monotonic(), time.time()

    def back() -> float | None:
        seen = rig.recorder.first_seen(
            CONTROL_CAMERA, ended_s, lambda item: item.received_s >= ended_utc_s
        )
        return seen.arrived_s - ended_s if seen else None

    outcome.expect(wait_for(lambda: back() is not None, _RECOVER_S), "no message after it")
    outcome.recover_s = back()
    counted = account_for(rig.recorder.seen[CONTROL_CAMERA])
    outcome.lost, outcome.doubled = counted.lost, counted.doubled
    outcome.expect(not counted.lost and not counted.doubled, f"{counted}")
    return outcome


def _summary(name: str, several: list[Outcome]) -> str:
    def worst(figures: list[float | None]) -> str:
        known = [figure for figure in figures if figure is not None]
        return f"{max(known):6.2f} s" if known else "       -"

    failed = sum(bool(outcome.complaints) for outcome in several)
    return (
        f"{name:32} {len(several):4} times, {failed} failed; at worst detected after "
        f"{worst([outcome.detect_s for outcome in several])}, recovered after "
        f"{worst([outcome.recover_s for outcome in several])}, "
        f"lost {sum(outcome.lost for outcome in several)}"
    )
