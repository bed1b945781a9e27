"""Waiting grows and spreads; repeated lines are counted, not repeated."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vision.resilience.backoff import Backoff
from vision.resilience.damping import Damper


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


def test_a_burst_is_one_line_and_then_a_count() -> None:
    """Kinds are damped apart from each other."""
    now_s = 0.0
    damper = Damper(1.0, lambda: now_s)
    assert [damper.admit("loss") for _ in range(4)] == [1, 0, 0, 0]
    assert damper.admit("decode") == 1
    now_s = 1.5
    assert damper.admit("loss") == 4
