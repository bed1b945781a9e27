"""Packets between key frames are left out when key frames are enough, and lost never."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.capture.key_frames import KeyFrameSaver

SECOND = 1_000_000_000
CAMERA_FPS = 25


def decoded(fps: float, groups: list[int]) -> list[list[int]]:
    """Which packets of a 25 fps camera are decoded when, its groups of pictures so long."""
    saver = KeyFrameSaver[int](fps)
    keys = set(itertools.accumulate(groups, initial=0))
    return [
        list(saver.wanted(number, number * SECOND // CAMERA_FPS, is_key=number in keys))
        for number in range(sum(groups))
    ]


def flat(wanted: list[list[int]]) -> list[int]:
    """The packets in the order of decoding."""
    return list(itertools.chain.from_iterable(wanted))


def test_a_slow_pace_needs_key_frames_only() -> None:
    """From the fourth on, once three came in time."""
    wanted = flat(decoded(1, [25] * 8))
    assert wanted == [*range(76), 100, 125, 150, 175]


@pytest.mark.parametrize(("fps", "group"), [(5, 25), (1.2, 25), (0.5, 60), (25, 25)])
def test_a_faster_pace_than_the_key_frames_needs_all(fps: float, group: int) -> None:
    """Nothing is left out, and nothing waits."""
    assert decoded(fps, [group] * 8) == [[number] for number in range(8 * group)]


def test_key_frames_that_become_rare_cost_a_moment_and_no_picture() -> None:
    """A camera that saves bandwidth: what was kept is decoded when the frame is overdue."""
    wanted = decoded(1, [25] * 6 + [500])
    late = next(number for number, packets in enumerate(wanted) if len(packets) > 1)
    assert late == 150 + 32
    assert wanted[late] == list(range(151, late + 1))
    assert wanted[late + 1 :] == [[number] for number in range(late + 1, 650)]


def test_no_more_than_ten_seconds_are_kept() -> None:
    """However slow the pace is."""
    wanted = decoded(0.01, [25] * 6 + [1000])
    assert max(map(len, wanted)) <= 12.5 * CAMERA_FPS + 1


@given(st.floats(0.05, 30), st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_what_is_decoded_can_be_decoded(fps: float, groups: list[int]) -> None:
    """Every packet is preceded by the one before it, or is a key frame; and none comes late."""
    wanted = decoded(fps, groups)
    keys = set(itertools.accumulate(groups, initial=0))
    order = flat(wanted)
    assert all(
        later in keys or later == earlier + 1 for earlier, later in itertools.pairwise(order)
    )
    newest, longest = 0, min(1 / fps, 10) * 1.25 * CAMERA_FPS + 1
    for number, packets in enumerate(wanted):
        newest = packets[-1] if packets else newest
        assert number - newest <= longest
