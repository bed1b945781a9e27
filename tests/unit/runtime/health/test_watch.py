"""The watchdog of a role looks for quiet cameras, but not just after it stood still itself."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from vision.runtime.health.liveness import Liveness, LivenessFile, readings_in
from vision.runtime.health.role_liveness import watch


@dataclass
class Turns(threading.Event):
    """Ends the watch after its turns, each of which takes so many seconds."""

    turns_s: list[float]
    now_s: float = 1000.0
    log: list[str] = field(default_factory=list)

    def wait(self, timeout: float | None = None) -> bool:
        """One turn."""
        assert timeout is not None
        if not self.turns_s:
            return True
        self.now_s += self.turns_s.pop(0)
        self.log.append("turn")
        return False

    def clock_s(self) -> float:
        """The time."""
        return self.now_s


@pytest.mark.parametrize(
    ("turns_s", "looks"), [([0.5] * 6, 6), ([0.5, 1.4, 0.5], 3), ([0.5, 9.0, 0.5, 0.5, 0.5], 2)]
)
def test_cameras_are_not_looked_for_until_what_came_is_read(
    turns_s: list[float], looks: int
) -> None:
    """Each of them would seem to have gone quiet."""
    turns = Turns(turns_s)
    watch(turns, lambda: turns.log.append("look"), None, lambda: Liveness("run"), turns.clock_s)
    assert turns.log.count("look") == looks


def test_a_role_that_stood_still_says_how_it_is_one_turn_later(tmp_path: Path) -> None:
    """Its threads have not come around yet, and would all seem to be stuck."""
    turns = Turns([0.5, 9.0, 0.5])
    file = LivenessFile(tmp_path, "run", lambda: round(turns.now_s * 1e9))

    def say() -> Liveness:
        turns.log.append("say")
        return Liveness("run")

    watch(turns, lambda: None, file, say, turns.clock_s)
    assert turns.log == ["turn", "say", "turn", "turn", "say"]
    (found,) = readings_in(tmp_path, lambda: round(turns.now_s * 1e9))
    assert found.age_s == 0
