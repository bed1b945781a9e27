"""The camera's clock, seen from PyAV."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from tests.support.viewer import Seen, watch
from vision.simulate import Clip, Server, Timing

if TYPE_CHECKING:
    from tests.integration.simulate.conftest import ClipMaker

pytestmark = pytest.mark.integration


def age_s(frame: Seen) -> float:
    """How old the frame is by the camera's clock."""
    assert frame.captured_s is not None
    return frame.decoded_s - frame.captured_s


@pytest.mark.parametrize("bframes", [0, 2])
def test_capture_time_is_there_from_the_first_frame(clip_maker: ClipMaker, bframes: int) -> None:
    """Each frame says when it was captured, which is just before it is seen."""
    with (
        Server({"front": clip_maker(bframes=bframes)}) as server,
        watch(server.url("front")) as frames,
    ):
        seen = list(islice(frames, 40))

    ages_s = sorted(age_s(frame) for frame in seen)
    assert ages_s[0] >= 0
    assert ages_s[len(ages_s) // 2] < 0.5


def test_clock_step_is_followed(clip: Clip) -> None:
    """A camera whose clock is set while it plays says so with its next sender report."""
    timing = Timing(report_interval_s=0.1)
    with Server({"front": clip}, timing=timing) as server, watch(server.url("front")) as frames:
        assert age_s(next(frames)) < 5

        server.cameras["front"].faults.clock_offset_s = 3600.0

        stepped = next(frame for frame in islice(frames, 250) if age_s(frame) < -3000)
        assert age_s(stepped) == pytest.approx(-3600, abs=5)


def test_wall_clock_can_be_chosen(clip: Clip) -> None:
    """The cameras' clock is the one that the server was given."""
    timing = Timing(utc_ns=lambda: time.time_ns() - 86_400 * 10**9)
    with Server({"front": clip}, timing=timing) as server, watch(server.url("front")) as frames:
        assert age_s(next(frames)) == pytest.approx(86_400, abs=5)


def test_camera_without_a_clock(clip: Clip) -> None:
    """Without sender reports no frame has a capture time."""
    with Server({"front": clip}) as server:
        server.cameras["front"].faults.sender_reports = False
        with watch(server.url("front")) as frames:
            assert {frame.captured_s for frame in islice(frames, 30)} == {None}
