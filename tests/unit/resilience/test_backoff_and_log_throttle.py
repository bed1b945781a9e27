"""Waiting grows and spreads, restarts are rationed, repeated lines are counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vision.resilience.backoff import Backoff
from vision.resilience.log_throttle import LogThrottle
from vision.resilience.restart_policy import RestartPolicy


def test_delays_double_up_to_the_cap_and_start_over_after_a_success() -> None:
    """With the random share at its most."""
    backoff = Backoff(1.0, 10.0, lambda: 1.0)
    assert [backoff.next_s() for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    backoff.reset()
    assert backoff.next_s() == 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_delays_stay_within_bounds(shares: list[float]) -> None:
    """Never nothing, never more than the cap."""
    source = iter(shares)
    backoff = Backoff(0.5, 30.0, lambda: next(source))
    assert all(0.05 <= backoff.next_s() <= 30.0 for _ in shares)


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_a_firm_minimum_holds_whatever_chance_says(shares: list[float]) -> None:
    """Half of the bound: six wrong passwords take longer than eight minutes."""
    source = iter(shares)
    backoff = Backoff(60, 300, lambda: next(source), least_share=0.5)
    delays = [backoff.next_s() for _ in shares]
    assert min(delays) >= 30
    assert sum(delays) > 8 * 60


class Restarts:
    """A restart window on a clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.window = RestartPolicy(3, 60, Backoff(1, 8, lambda: 1.0), lambda: self.now_s)

    def after(self, *lives_s: float) -> list[float]:
        """The delays after workers that lived so long."""
        delays = []
        for life_s in lives_s:
            self.now_s += life_s
            delays.append(self.window.next_s())
            self.now_s += delays[-1]
        return delays


def test_the_first_restarts_within_a_window_are_at_once_and_then_ever_later() -> None:
    """Three in a minute, then twice as long each time, up to the cap."""
    assert Restarts().after(*[0.5] * 9) == [0, 0, 0, 1, 2, 4, 8, 8, 8]


def test_rare_restarts_are_at_once_for_ever() -> None:
    """One every half a minute never adds up to three in a minute that are too many."""
    assert Restarts().after(*[31] * 50) == [0] * 50


def test_a_window_without_a_restart_makes_all_well_again() -> None:
    """The count starts from nothing, and so does the backoff."""
    restarts = Restarts()
    restarts.after(*[0.5] * 9)
    assert restarts.after(61, 0.5, 0.5, 0.5) == [0, 0, 0, 1]


def test_a_burst_is_one_line_and_then_a_count() -> None:
    """Kinds are damped apart from each other."""
    now_s = 0.0
    damper = LogThrottle(1.0, lambda: now_s)
    assert [damper.admit("loss") for _ in range(4)] == [1, 0, 0, 0]
    assert damper.admit("decode") == 1
    now_s = 1.5
    assert damper.admit("loss") == 4
