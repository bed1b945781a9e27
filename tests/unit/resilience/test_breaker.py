"""Who failed lately is left alone, and tried again by itself."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from vision.resilience.breaker import Breaker, BreakerState


@dataclass
class Clock:
    """Time as a test wants it."""

    now_s: float = 100.0

    def __call__(self) -> float:
        """Now."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """One that stands still by itself."""
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    """Open after two failures, for ten seconds."""
    return Breaker(2, 10.0, clock)


def test_a_success_between_failures_keeps_it_closed(breaker: Breaker) -> None:
    """Failures count in a row."""
    for _ in range(5):
        breaker.fail()
        breaker.succeed()
    assert breaker.state is BreakerState.CLOSED


def test_it_opens_rests_and_lets_one_try(breaker: Breaker, clock: Clock) -> None:
    """While that one tries, nobody else does."""
    breaker.fail()
    assert breaker.admit()
    breaker.fail()
    assert breaker.state is BreakerState.OPEN
    clock.now_s += 9.9
    assert not breaker.admit()
    clock.now_s += 0.1
    assert str(breaker.state) == "half_open"
    assert breaker.admit()
    assert not breaker.admit()


def test_a_trial_that_fails_begins_the_rest_anew(breaker: Breaker, clock: Clock) -> None:
    """One failure suffices then."""
    breaker.fail()
    breaker.fail()
    clock.now_s += 10
    assert breaker.admit()
    breaker.fail()
    assert breaker.state is BreakerState.OPEN
    clock.now_s += 10
    assert breaker.admit()


def test_a_trial_that_succeeds_closes_it(breaker: Breaker, clock: Clock) -> None:
    """And the count begins anew."""
    breaker.fail()
    breaker.fail()
    clock.now_s += 10
    assert breaker.admit()
    breaker.succeed()
    assert breaker.state is BreakerState.CLOSED
    breaker.fail()
    assert breaker.admit()
    assert breaker.admit()


def test_a_trial_that_was_none_leaves_it_to_the_next(breaker: Breaker, clock: Clock) -> None:
    """It was cancelled before it told anything."""
    breaker.fail()
    breaker.fail()
    clock.now_s += 10
    assert breaker.admit()
    breaker.withdraw()
    assert breaker.admit()


def test_who_asks_to_be_left_alone_is(breaker: Breaker, clock: Clock) -> None:
    """At once, for as long as was asked."""
    breaker.fail(60.0)
    clock.now_s += 59
    assert breaker.state is BreakerState.OPEN
    clock.now_s += 1
    assert str(breaker.state) == "half_open"


def test_what_was_mended_is_tried_at_once(breaker: Breaker) -> None:
    """One that is closed stays so."""
    breaker.retry_now()
    assert breaker.state is BreakerState.CLOSED
    breaker.fail(60.0)
    breaker.retry_now()
    assert str(breaker.state) == "half_open"
