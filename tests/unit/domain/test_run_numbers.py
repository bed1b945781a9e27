"""Runs are numbered upwards, whatever the clock does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vision.domain.run_ids import RunIds

MS = 1_000_000


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=20), st.integers(0, 10**13))
def test_a_run_is_greater_than_all_before_it(clock_ms: list[int], newest: int) -> None:
    """Greater than the newest entry on the stream, also when the clock went back."""
    moments = iter(clock_ms)
    runs = RunIds({"front": newest}, lambda: next(moments) * MS)
    numbers = [runs.next("front") for _ in clock_ms]
    assert all(later > earlier for earlier, later in zip([newest, *numbers], numbers, strict=False))


def test_a_run_is_the_time_where_nothing_speaks_against_it() -> None:
    """UTC milliseconds; cameras do not disturb each other."""
    runs = RunIds({"yard": 10**15}, lambda: 1_763_898_000_123 * MS)
    assert runs.next("front") == 1_763_898_000_123
    assert runs.next("front") == 1_763_898_000_124
    assert runs.next("yard") == 10**15 + 1
