"""Old frames are left out, and no camera is left out for good because of its clock or rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.frames import CAPTURED_NS, meta
from vision.domain.frame import ClockSource
from vision.inference.staleness import Staleness

_SECOND = 1_000_000_000
_MAX_AGE_S = 1.0


def stale(
    count: int,
    fps: float,
    on_arrival_s: Callable[[float], float],
    clock: ClockSource = ClockSource.RTCP,
) -> list[float]:
    """When frames are too old, of a camera whose frames are ``on_arrival_s`` old on arrival."""
    staleness, found = Staleness(round(_MAX_AGE_S * _SECOND)), []
    for number in range(count):
        at_s = number / fps
        at_ns = round(at_s * _SECOND)
        frame = replace(
            meta(seq=number + 1, mono_ns=at_ns),
            clock=clock,
            received_ns=CAPTURED_NS + at_ns,
            captured_ns=CAPTURED_NS + at_ns - round(on_arrival_s(at_s) * _SECOND),
        )
        if staleness.is_stale(frame, at_ns):
            found.append(at_s)
    return found


@pytest.mark.parametrize(("fps", "age_s"), [(0.2, 5.0), (5, 4.0), (5, 9.9), (60, 2.0)])
def test_a_camera_whose_freshest_frames_are_old_is_inferred(fps: float, age_s: float) -> None:
    """All but the first one: its clock is slow, or it waits for the next frame of a slow stream."""
    assert stale(100, fps, lambda _: age_s) == [0.0]


@pytest.mark.parametrize("stall_s", [2, 8, 30])
def test_what_comes_late_after_a_stall_is_left_out(stall_s: float) -> None:
    """The burst is as old as the stall was long; what follows is fresh again."""

    def on_arrival_s(at_s: float) -> float:
        return max(0.1, stall_s - (at_s - 60)) if at_s >= 60 else 0.1

    found = stale(1000, 10, on_arrival_s)
    assert found[0] == 60
    assert all(60 <= at_s < 90 for at_s in found)
    assert all(on_arrival_s(at_s) > _MAX_AGE_S for at_s in found)


@pytest.mark.parametrize("fps", [5, 30])
def test_a_clock_that_is_put_back_costs_some_seconds(fps: float) -> None:
    """Until then it may be a delay; never for longer than twice five seconds."""
    found = stale(round(fps * 60), fps, lambda at_s: 4.0 if at_s >= 20 else 0.1)
    assert found
    assert found[-1] <= 20 + 2 * 5 + 1


def test_the_time_in_the_slot_counts_in_any_case() -> None:
    """A frame that waited here is old whatever its camera's clock says."""
    staleness = Staleness(_SECOND)
    slow = [
        replace(meta(seq=seq, mono_ns=seq * _SECOND), received_ns=CAPTURED_NS, captured_ns=0)
        for seq in (1, 2)
    ]
    staleness.is_stale(slow[0], slow[0].received_mono_ns)
    assert not staleness.is_stale(slow[1], slow[1].received_mono_ns + _SECOND)
    assert staleness.is_stale(slow[1], slow[1].received_mono_ns + _SECOND + 1)


def test_arrival_times_tell_nothing_of_the_time_before() -> None:
    """Before the first sender report a frame looks fresh, which says nothing of later ones."""
    staleness = Staleness(_SECOND)
    first = replace(meta(), clock=ClockSource.ARRIVAL, captured_ns=meta().received_ns)
    assert not staleness.is_stale(first, 0)
    old = [replace(meta(seq=seq), captured_ns=CAPTURED_NS - 5 * _SECOND) for seq in (2, 3)]
    assert staleness.is_stale(old[0], 0)
    assert not staleness.is_stale(old[1], 0)
