"""Which of several video tracks is watched."""

from __future__ import annotations

import pytest

from vision.capture.tracks import TrackChoice

_S = 1_000_000_000


def test_the_best_track_is_taken_with_its_first_packet() -> None:
    """Whether or not others came before."""
    assert TrackChoice([1, 0]).chosen(1, 5 * _S) == 1
    choice = TrackChoice([1, 0])
    assert choice.chosen(0, 5 * _S) is None
    assert choice.chosen(0, 6 * _S) is None
    assert choice.chosen(1, 6 * _S + 1) == 1


@pytest.mark.parametrize(("track", "chosen"), [(1, 1), (2, 1)])
def test_another_one_is_taken_when_no_better_one_sends(track: int, chosen: int) -> None:
    """The better one of those that do, whichever sends just then."""
    choice = TrackChoice([0, 1, 2])
    assert choice.chosen(2, 5 * _S) is None
    assert choice.chosen(1, 6 * _S) is None
    assert choice.chosen(track, 7 * _S) == chosen
