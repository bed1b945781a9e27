"""Uptime is counted by the age of what a subscriber has."""

from __future__ import annotations

import pytest

from tests.slo.uptime import Arrival, down_and_watched_s, fresh_spans, outside


def steady(begin_s: float, end_s: float, *, delay_s: float = 0.1) -> list[Arrival]:
    """A message for each quarter of a second."""
    count = round((end_s - begin_s) * 4) + 1
    frames = [begin_s + number / 4 for number in range(count)]
    return [Arrival(received_s + delay_s, received_s) for received_s in frames]


def test_without_a_gap_nothing_is_down() -> None:
    """All seconds are watched, and in each there was a fresh message."""
    down_s, watched_s = down_and_watched_s(steady(0, 20), (5, 15), [], 2.0)
    assert down_s == pytest.approx(0)
    assert watched_s == 10


def test_a_gap_is_down_from_when_the_last_frame_is_too_old() -> None:
    """Five seconds between frames, and two of them the last one was fresh enough."""
    arrivals = steady(0, 10) + steady(15, 20)
    down_s, _ = down_and_watched_s(arrivals, (5, 20), [], 2.0)
    assert down_s == pytest.approx(3.1)


def test_what_comes_too_late_is_no_uptime() -> None:
    """A backlog that is sent after an outage makes up for nothing."""
    late = [Arrival(30.0, received_s) for received_s in range(11, 28)]
    down_s, _ = down_and_watched_s(steady(0, 10) + late, (0.1, 30), [], 2.0)
    assert down_s == pytest.approx(30 - 12)


def test_a_late_message_counts_while_its_frame_is_fresh() -> None:
    """It is there for what is left of its time."""
    assert fresh_spans([Arrival(11.5, 10.0)], 2.0) == [(11.5, 12.0)]
    assert fresh_spans([Arrival(12.5, 10.0)], 2.0) == []


def test_what_the_camera_did_not_send_does_not_count() -> None:
    """Neither as up nor as down; what it takes to come back does."""
    arrivals = steady(0, 10) + steady(15, 20)
    down_s, watched_s = down_and_watched_s(arrivals, (5, 20), [(10, 14), (12, 14)], 2.0)
    assert watched_s == pytest.approx(11)
    assert down_s == pytest.approx(1.1)


def test_what_is_left_of_a_window() -> None:
    """Spans may lie over its ends, or all over it."""
    assert outside((0, 10), [(-1, 1), (3, 4), (9, 12)]) == [(1, 3), (4, 9)]
    assert outside((0, 10), [(-1, 12)]) == []
    assert outside((0, 10), []) == [(0, 10)]
