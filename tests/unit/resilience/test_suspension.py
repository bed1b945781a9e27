"""Whoever judges by a deadline and stood still himself gives those he judges a fresh look."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.resilience.suspension import DeadlineWatch, SuspensionAwareClock, hears


@dataclass
class Clock:
    """Moved by hand."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now_s


@pytest.mark.parametrize("stood_s", [2.0, 20.0, 86_400.0])
def test_what_a_loop_stood_still_for_does_not_count(stood_s: float) -> None:
    """But for one turn that takes as long as turns may."""
    clock = Clock()
    awake = SuspensionAwareClock(1.0, clock)
    began_s = awake()
    for _ in range(4):
        clock.now_s += 0.5
        assert awake.tick() == 0
    clock.now_s += stood_s
    # As another thread sees it that goes on before the loop does.
    assert awake() - began_s == pytest.approx(3.0)
    assert awake.tick() == pytest.approx(stood_s - 1.0)
    assert awake() - began_s == pytest.approx(3.0)
    clock.now_s += 0.5
    assert awake() - began_s == pytest.approx(3.5)


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=40))
def test_it_never_goes_back_and_never_faster_than_time(steps: list[tuple[float, bool]]) -> None:
    """Whatever the loop does."""
    clock = Clock()
    awake = SuspensionAwareClock(1.0, clock)
    for passes_s, turns in steps:
        before_s = awake()
        clock.now_s += passes_s
        passed_s = awake() - before_s
        assert -1e-9 <= passed_s <= passes_s + 1e-9
        if turns:
            seen_s = awake()
            awake.tick()
            assert awake() == pytest.approx(seen_s)


def test_a_deadline_that_passes_while_its_judge_is_awake_is_overdue() -> None:
    """As soon as it has passed; a new one is another matter, and 0 is none."""
    clock = Clock()
    overdue = DeadlineWatch(0.75, clock)
    due_s = clock.now_s + 1.0
    late = []
    for _ in range(6):
        clock.now_s += 0.25
        late.append(overdue.tick(due_s))
    assert late == [False] * 4 + [True] * 2
    assert not overdue.tick(clock.now_s + 1.0)
    assert not overdue.tick(0.0)


@pytest.mark.parametrize("stood_s", [1.0, 9.0, 20.0])
@pytest.mark.parametrize("is_new", [False, True])
def test_a_deadline_that_passed_while_its_judge_stood_still_is_put_off(
    stood_s: float, *, is_new: bool
) -> None:
    """Also one that was set just before; whoever then does nothing is overdue all the same."""
    clock = Clock()
    overdue = DeadlineWatch(0.75, clock)
    due_s = clock.now_s + 2.5
    if not is_new:
        overdue.tick(due_s)
    clock.now_s += 0.25 + stood_s
    assert not overdue.tick(due_s)
    assert overdue.stood_s == pytest.approx(max(0.0, stood_s - 0.5))
    turns = 0
    while not overdue.tick(due_s):
        clock.now_s += 0.25
        turns += 1
    assert turns <= 11


@dataclass
class Line:
    """Says something after so many looks; each look takes as long as it is told to, or longer."""

    clock: Clock
    silent_looks: int
    held_up_s: dict[int, float] = field(default_factory=dict)
    looks: int = 0

    def poll(self, timeout_s: float) -> bool:
        """One look."""
        self.looks += 1
        if self.looks > self.silent_looks:
            return True
        self.clock.now_s += timeout_s + self.held_up_s.get(self.looks, 0.0)
        return False


def heard(line: Line) -> bool:
    """As a supervisor listens to a worker."""
    return hears(line.poll, 1.5, 0.5, line.clock)


def test_a_word_is_heard_within_the_time_and_silence_after_it() -> None:
    """Three looks, each of which a busy machine may prolong a little."""
    clock = Clock()
    assert heard(Line(clock, 0))
    assert heard(Line(clock, 2))
    silent = Line(clock, 99, {1: 0.4, 2: 0.4, 3: 0.4})
    assert not heard(silent)
    assert silent.looks == 3


def test_whoever_was_held_up_listens_anew() -> None:
    """What was said meanwhile is heard at the next look; who says nothing is silent still."""
    clock = Clock()
    assert heard(Line(clock, 3, {3: 9.0}))
    assert heard(Line(clock, 5, {1: 1.0, 3: 20.0}))
    silent = Line(clock, 99, {3: 9.0})
    assert not heard(silent)
    assert silent.looks == 6
