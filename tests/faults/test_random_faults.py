"""Random faults of workers, node, Redis, clocks and documents: the contract holds all the time."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.contract import Message, complaints, parse
from tests.faults.host_clock import HostClock
from tests.faults.node_rig import running_node_rig
from tests.faults.outcome import Outcome
from tests.faults.random_faults import RandomFaults
from tests.faults.record import bound_s, let_pass, wait_for
from tests.support.outside_subscriber import OutsideSubscriber

pytestmark = pytest.mark.e2e

_CAMERAS, _FPS = 6, 5
# Of an hour, and of what a fault may add: the test wants to see all of it in the end.
_STREAM_MESSAGES = 1_000_000
_WELL_S = 60.0
_MOST_BETWEEN_S = 2.0
_FAULTS_UNTIL_WELL = 4
_PAGE = 5_000
_MOST_COMPLAINTS = 10


@pytest.mark.timeout(900)
def test_each_kind_of_fault(tmp_path: Path, verify: Callable[[Outcome], None]) -> None:
    """Each once, in random order, one after the other."""
    with _running(tmp_path) as trial:
        names = [*trial.faults.by_name()]
        trial.faults.chance.shuffle(names)
        for name in names:
            trial.strike(name)
            trial.expect_well(name)
        trial.finish()
    outcome = trial.outcome("each kind of random fault")
    verify(outcome)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_random_faults(
    request: pytest.FixtureRequest, tmp_path: Path, verify: Callable[[Outcome], None]
) -> None:
    """For as long as wanted, up to four before the cameras have to be well again."""
    minutes = request.config.getoption("--soak-minutes")
    with _running(tmp_path) as trial:
        until_s = time.monotonic() + minutes * 60
        while time.monotonic() < until_s:
            names = trial.faults.chance.choices(
                [*trial.faults.by_name()],
                k=trial.faults.chance.randint(1, _FAULTS_UNTIL_WELL),
            )
            for name in names:
                trial.strike(name)
            trial.expect_well(", ".join(names))
        trial.finish()
    outcome = trial.outcome(f"random faults for {minutes:g} minutes")
    verify(outcome)


@dataclass(slots=True)
class _Trial:
    """Faults on a rig, and what an independent subscriber received."""

    faults: RandomFaults
    outside: OutsideSubscriber
    struck: Counter[str]
    complaints: list[str]
    seed: int
    messages: int = 0
    live: int = 0

    def strike(self, name: str) -> None:
        """Let a fault happen and end."""
        self.faults.by_name()[name]()
        self.struck[name] += 1
        let_pass(self.faults.chance.uniform(0, _MOST_BETWEEN_S))

    def expect_well(self, after: str) -> None:
        """Complain of cameras whose streams do not grow any more."""
        if still := self.faults.wait_until_well(bound_s(_WELL_S)):
            self.complaints.append(f"after {after}: {still} stand still")
        # The reference subscriber must survive whatever arrives on the channels.
        self.faults.rig.recorder.forget()

    def finish(self) -> None:
        """Stop the node and verify everything it published."""
        rig = self.faults.rig
        before = {name: len(seen) for name, seen in rig.recorder.seen.items()}
        if not wait_for(
            lambda: all(len(rig.recorder.seen[name]) > before[name] for name in before),
            bound_s(_WELL_S),
        ):
            self.complaints.append("the reference subscriber gets no messages any more")
        if rig.node.stop() != 0:
            self.complaints.append(f"the node did not end well: {rig.node.log[-2000:]}")
        for camera in rig.cameras:
            stream = [*_stream(self.faults, camera)]
            live = [*filter(None, map(parse, list(self.outside.payloads[camera])))]
            self.messages += len(stream)
            self.live += len(live)
            broken = [f"{camera}: {line}" for line in complaints(stream, live)]
            self.complaints += broken[:_MOST_COMPLAINTS]
            if (more := len(broken) - _MOST_COMPLAINTS) > 0:
                self.complaints.append(f"{camera}: {more} more")

    def outcome(self, name: str) -> Outcome:
        """The row."""
        what = ", ".join(f"{name} ({times})" for name, times in sorted(self.struck.items()))
        outcome = Outcome(name, f"{_CAMERAS} cameras, a subscriber of its own: {what}")
        outcome.notes = {"faults": self.struck.total(), "messages": self.messages}
        outcome.notes["live"] = self.live
        outcome.complaints = [f"seed {self.seed}: {line}" for line in self.complaints]
        return outcome


@contextmanager
def _running(folder: Path) -> Iterator[_Trial]:
    seed = random.SystemRandom().randrange(1 << 32)
    clock = HostClock(folder)
    topics: dict[str, Any] = {
        "publishing": {"stream_max_messages": _STREAM_MESSAGES},
        "events": {"enabled": True},
        "run_dir": str(folder / "run"),
    }
    running = running_node_rig(
        folder, topics, cameras=_CAMERAS, fps=_FPS, variables=clock.variables
    )
    with running as rig, OutsideSubscriber(rig.redis) as outside:
        rig.wait_for_messages(5)
        faults = RandomFaults(rig, clock, random.Random(seed))
        yield _Trial(faults, outside, Counter(), [], seed)


def _stream(faults: RandomFaults, camera: str) -> Iterator[Message]:
    """The messages of a camera's stream; what others put there is passed over."""
    start = "-"
    with faults.rig.redis.client() as client:
        while True:
            entries: Any = client.xrange(f"vision:detections:{{{camera}}}", start, count=_PAGE)
            if not entries:
                return
            start = "(" + entries[-1][0].decode()
            for _, fields in entries:
                message = parse(fields.get(b"message", b""))
                if message is not None:
                    yield message
