"""The pace lets an even selection of frames through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.capture.gate import RateLimiter

SECOND = 1_000_000_000


def admitted(source_fps: float, wanted_fps: float, seconds: int, jitter: list[int]) -> int:
    """How many frames of a source pass."""
    pace = RateLimiter(wanted_fps)
    times = [
        round(number * SECOND / source_fps) + jitter[number % len(jitter)]
        for number in range(round(source_fps * seconds))
    ]
    return sum(pace.admit(moment) for moment in sorted(times))


@pytest.mark.parametrize(
    ("source_fps", "wanted_fps", "expected"),
    [(25, 10, 10), (25, 5, 5), (30, 7, 7), (10, 10, 10), (5, 10, 5), (60, 2, 2), (1, 0.5, 0.5)],
)
def test_the_rate_is_the_one_asked_for(
    source_fps: float, wanted_fps: float, expected: float
) -> None:
    """Also where the source's rate is no multiple of it."""
    assert admitted(source_fps, wanted_fps, 60, [0]) == pytest.approx(expected * 60, abs=1)


@given(st.lists(st.integers(0, SECOND // 50), min_size=1, max_size=20))
def test_jitter_costs_no_frame_of_a_camera_at_just_that_rate(jitter: list[int]) -> None:
    """Up to 20 ms of jitter on a 10 fps camera paced to 10 fps."""
    assert admitted(10, 10, 30, jitter) >= 299


def test_after_a_stall_there_is_no_burst() -> None:
    """Frames held up by the network and delivered at once are not all inferred."""
    pace = RateLimiter(5)
    assert pace.admit(0)
    assert sum(pace.admit(10 * SECOND + number) for number in range(50)) == 2


@given(st.lists(st.integers(0, 99), max_size=20))
def test_a_turn_that_is_taken_early_is_no_further_turn(taken: list[int]) -> None:
    """Ten seconds of ten frames a second, paced to five: fifty turns, whoever takes them."""
    pace = RateLimiter(5)
    turns = [
        pace.take(number * SECOND // 10) if number in taken else pace.admit(number * SECOND // 10)
        for number in range(100)
    ]
    assert 49 <= sum(turns) <= 51
