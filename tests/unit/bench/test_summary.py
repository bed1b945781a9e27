"""What many values come to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.summary import jain, middle, percentiles, rounded, spread

RATES = st.lists(st.floats(0.01, 1000), min_size=1, max_size=32)


def test_percentiles_are_named_by_what_and_unit() -> None:
    """A figure's name tells what it is and its unit."""
    figures = percentiles(range(101), "latency", "ms")
    assert figures == {
        "latency_p50_ms": 50.0,
        "latency_p95_ms": 95.0,
        "latency_p99_ms": 99.0,
        "latency_max_ms": 100.0,
    }


def test_no_values_have_no_percentiles() -> None:
    """What was not measured gives no figure, and so is never compared."""
    assert percentiles([], "latency", "ms") == {}


def test_equal_rates_are_wholly_fair() -> None:
    """Jain's index is 1 when all get the same."""
    assert jain([7.5, 7.5, 7.5, 7.5]) == 1.0


def test_one_that_gets_all_is_as_unfair_as_can_be() -> None:
    """Jain's index is 1/n when one of n gets all."""
    assert jain([30.0, 0.0, 0.0, 0.0]) == 0.25


def test_nothing_at_all_is_not_called_fair() -> None:
    """Cameras of which none was inferred do not count as treated alike."""
    assert jain([0.0, 0.0]) == 0.0
    assert jain([]) == 0.0


@given(RATES)
def test_fairness_lies_between_one_share_and_one(rates: list[float]) -> None:
    """Jain's index is from 1/n to 1, whatever the rates."""
    assert 1 / len(rates) - 0.001 <= jain(rates) <= 1.001


@given(RATES, st.floats(0.1, 10))
def test_fairness_knows_no_scale(rates: list[float], factor: float) -> None:
    """Twice as many frames for all are as fair as before."""
    assert jain(rates) == pytest.approx(jain([rate * factor for rate in rates]), rel=0.002)


def test_the_middle_round_counts() -> None:
    """One disturbed round of three changes no figure; what a round lacks has none."""
    rounds = [{"fps": 20.0, "time_us": 5.0}, {"fps": 2.0}, {"fps": 21.0, "time_us": 6.0}]
    assert middle(rounds) == {"fps": 20.0}


def test_spread_is_a_share_of_the_median() -> None:
    """Rounds of 18, 20 and 22 lie a fifth apart."""
    assert spread([18.0, 20.0, 22.0]) == 0.2
    assert spread([0.0, 0.0]) == 0.0


def test_figures_have_four_digits() -> None:
    """Digits that no timing holds are not written down."""
    assert rounded(1234.567) == 1235.0
    assert rounded(0.00123456) == 0.001235
