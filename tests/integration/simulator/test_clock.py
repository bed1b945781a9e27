"""The camera's clock, seen from PyAV."""

from __future__ import annotations

import time
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import pytest

from simulator import Clip, Server, Timing
from tests.support.viewer import DecodedPicture, watch
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.integration.simulator.conftest import ClipMaker

pytestmark = pytest.mark.integration
# How far behind a busy machine may be with looking.
_LATE_S = 60.0


def age_s(frame: DecodedPicture) -> float:
    """How old the frame is by the camera's clock."""
    assert frame.captured_s is not None
    return frame.decoded_s - frame.captured_s


def stream_s(frame: DecodedPicture) -> float:
    """When the frame is by the time of the stream."""
    assert frame.pts is not None
    return frame.pts / 90_000


def ahead_s(frame: DecodedPicture) -> float:
    """How far the camera's clock is from the time of the stream."""
    assert frame.captured_s is not None
    return frame.captured_s - stream_s(frame)


@pytest.mark.parametrize("bframes", [0, 2])
def test_capture_time_is_there_from_the_first_frame(clip_maker: ClipMaker, bframes: int) -> None:
    """Each frame says when it was captured, which is just before it is seen."""
    ages_s: list[float] = []

    def just_before() -> bool:
        ages_s.append(age_s(next(frames)))
        return len(ages_s) >= 40 and min(ages_s) < 0.5

    with (
        Server({"front": clip_maker(bframes=bframes)}) as server,
        watch(server.url("front")) as frames,
    ):
        # A busy machine sees some of them late, and none too early.
        wait_until(just_before, "a frame that is seen as soon as it is there")
    assert min(ages_s) >= 0


def test_clock_step_is_followed(clip: Clip) -> None:
    """A camera whose clock is set while it plays says so with its next sender report."""
    timing = Timing(report_interval_s=0.1)
    with Server({"front": clip}, timing=timing) as server, watch(server.url("front")) as frames:
        assert age_s(next(frames)) < _LATE_S

        server.cameras["front"].faults.clock_offset_s = 3600.0

        stepped = next(frame for frame in frames if age_s(frame) < -3000)
        assert age_s(stepped) == pytest.approx(-3600, abs=_LATE_S)


def test_wall_clock_can_be_chosen(clip: Clip) -> None:
    """The cameras' clock is the one that the server was given."""
    timing = Timing(utc_ns=lambda: time.time_ns() - 86_400 * 10**9)
    with Server({"front": clip}, timing=timing) as server, watch(server.url("front")) as frames:
        assert age_s(next(frames)) == pytest.approx(86_400, abs=_LATE_S)


def test_camera_without_a_clock(clip: Clip) -> None:
    """Without sender reports no frame has a capture time."""
    with Server({"front": clip}) as server:
        server.cameras["front"].faults.sender_reports = False
        with watch(server.url("front")) as frames:
            assert {frame.captured_s for frame in islice(frames, 30)} == {None}


def test_clock_drifts(clip: Clip) -> None:
    """A clock that gains is ahead by what it gained, and goes on from there when it is right."""
    timing = Timing(report_interval_s=0.1)
    with Server({"front": clip}, timing=timing) as server, watch(server.url("front")) as frames:
        next(frames)
        server.cameras["front"].faults.clock_drift = 1.0
        drifting = list(islice(frames, 100))
        server.cameras["front"].faults.clock_drift = 0.0
        after: list[float] = []

        def is_even() -> bool:
            # What was on its way still gained; a busy machine has seconds of that.
            after[:] = [ahead_s(frame) for frame in islice(frames, 30)]
            return max(after) - min(after) < 0.1

        wait_until(is_even, "the end of what was gained")

    # By the stream's own time: when each was seen is a matter of how busy the machine is.
    passed_s = stream_s(drifting[-1]) - stream_s(drifting[0])
    gained_s = ahead_s(drifting[-1]) - ahead_s(drifting[0])
    assert gained_s == pytest.approx(passed_s, abs=0.5)
    assert after[-1] > ahead_s(drifting[-1]) - 0.1


def test_one_frame_strays(clip: Clip) -> None:
    """One timestamp is off by what was asked for, and no other."""
    with Server({"front": clip}) as server, watch(server.url("front")) as frames:
        list(islice(frames, 5))
        server.cameras["front"].faults.stray_s = 60.0
        stamps = [frame.pts for frame in islice(frames, 40) if frame.pts is not None]

    # FFmpeg calls the time of a frame that goes back unknown, or shows it as it is.
    ahead = [stamp for stamp in stamps if stamp > stamps[0] + 30 * 90_000]
    assert len(ahead) == 1
    assert server.cameras["front"].faults.stray_s == 0


def test_timestamps_can_be_made_to_wrap(clip: Clip) -> None:
    """A viewer that begins just below 2**32 sees time go on past it."""
    with Server({"front": clip}) as server:
        server.cameras["front"].faults.first_timestamp = (1 << 32) - 20 * 1800
        with watch(server.url("front")) as frames:
            stamps = [frame.pts for frame in islice(frames, 60) if frame.pts is not None]

    assert {after - before for before, after in pairwise(stamps)} == {1800}
