"""The score of tracking counts what it says, and the committed truth is sound."""

from __future__ import annotations

from pathlib import Path

import pytest

import bench
from bench.tracking_score import Person, read_people, score
from vision.domain.event import Box

_TRUTH = Path(bench.__file__).parent / "data" / "vtest_tracks.txt"
_LEFT: Box = (0.1, 0.1, 0.2, 0.4)
_RIGHT: Box = (0.6, 0.1, 0.7, 0.4)
_PEOPLE = [Person("a", [0, 9], [_LEFT, _LEFT], []), Person("b", [0, 9], [_RIGHT, _RIGHT], [(3, 6)])]


def test_a_perfect_tracker_has_no_errors() -> None:
    """Nobody is missed where nobody can be seen."""
    tracked = {n: {"1": _LEFT} | ({} if 3 < n < 6 else {"2": _RIGHT}) for n in range(10)}
    result = score(_PEOPLE, tracked)
    assert (result.misses, result.false_boxes, result.switches, result.fragments) == (0, 0, 0, 0)
    assert result.mota == 1.0
    assert result.events_of == {"a": ["1"], "b": ["2"]}


def test_each_error_is_counted_once() -> None:
    """A swap is two switches; a hole is a miss and a fragment; a ghost is a false box."""
    tracked: dict[int, dict[str, Box]] = {
        n: {"1": _LEFT, "2": _RIGHT} if n < 7 else {"2": _LEFT, "1": _RIGHT} for n in range(10)
    }
    tracked[1] = {"2": _RIGHT}
    tracked[2] = tracked[2] | {"3": (0.3, 0.8, 0.4, 0.9)}
    result = score(_PEOPLE, tracked)
    assert (result.misses, result.false_boxes, result.switches, result.fragments) == (1, 1, 2, 1)


def test_a_box_moves_evenly_between_two_of_the_file() -> None:
    """And there is none before the first and after the last."""
    person = Person("a", [0, 10], [_LEFT, _RIGHT], [])
    assert person.at(5) == pytest.approx((0.35, 0.1, 0.45, 0.4))
    assert person.at(11) is None


def test_the_committed_truth_is_sound() -> None:
    """Frames rise, boxes lie inside the picture, and a hidden span is inside its visit."""
    people = read_people(_TRUTH)
    assert len(people) == 20
    for person in people:
        assert list(person.frames) == sorted(set(person.frames))
        assert all(0 <= a < c <= 1 and 0 <= b < d <= 1.001 for a, b, c, d in person.boxes)
        for first, last in person.hidden:
            assert person.frames[0] <= first < last <= person.frames[-1]
