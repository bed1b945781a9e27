"""What cameras do wrong, as state: real RTSP, real decoders, a worker process."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import pytest

from simulator.clip import Clip
from simulator.server import Server
from tests.support.clips import make_clip
from tests.support.ingest import Ingest, ingesting
from tests.support.waiting import wait_until
from vision.domain.status import CameraState

pytestmark = pytest.mark.integration


def wait_for_state(ingest: Ingest, state: CameraState) -> None:
    """Wait for a state that the watchdog may be the one to find."""

    def holds() -> bool:
        ingest.monitor.check_stall()
        return ingest.monitor.state is state

    wait_until(holds, f"{state}, states {ingest.states}")


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_frozen_camera_is_told_and_its_frames_flow(
    codec: Literal["h264", "hevc"], folder: Path
) -> None:
    """The same key frame again and again; with the next new picture it is online."""
    clip = Clip.load(make_clip(folder / f"{codec}.mp4", codec))
    with (
        Server({"front": clip}) as server,
        ingesting(server.url("front"), fps=10, frozen_after_s=2) as ingest,
    ):
        ingest.wait_for_frames(30)
        assert ingest.states[-1] is CameraState.ONLINE
        server.cameras["front"].faults.freeze = True
        ingest.wait_for_state(CameraState.FROZEN)
        ingest.wait_for_frames(10)
        server.cameras["front"].faults.freeze = False
        ingest.wait_for_state(CameraState.ONLINE)
    assert len({meta.run for meta in ingest.metas}) == 1


def test_a_frozen_camera_that_falls_silent_is_stalled_and_then_frozen_again(
    server: Server,
) -> None:
    """Both are known at the same time."""
    with ingesting(server.url("front"), fps=10, frozen_after_s=1, read_timeout_s=60) as ingest:
        server.cameras["front"].faults.freeze = True
        ingest.wait_for_state(CameraState.FROZEN)
        server.cameras["front"].faults.stall = True
        wait_for_state(ingest, CameraState.STALLED)
        server.cameras["front"].faults.stall = False
        wait_for_state(ingest, CameraState.FROZEN)


def test_frozen_can_be_switched_off(server: Server) -> None:
    """For a camera whose scene has no noise at all."""
    server.cameras["front"].faults.freeze = True
    with ingesting(server.url("front"), fps=10, frozen_after_s=0) as ingest:
        ingest.wait_for_frames(30)
    assert CameraState.FROZEN not in ingest.states


def test_packets_that_do_not_decode_are_told_and_forgotten(server: Server, clip: Clip) -> None:
    """Connected, packets come, nothing to see: no stall, and no new connection either."""
    with ingesting(server.url("front"), fps=10, read_timeout_s=30) as ingest:
        ingest.wait_for_frames(20)
        server.cameras["front"].show(undecodable(clip))
        wait_for_state(ingest, CameraState.DECODE_ERROR)
        assert "none of them decodes" in ingest.statuses[-1].reason
        server.cameras["front"].show(clip)
        wait_for_state(ingest, CameraState.ONLINE)
    assert not {CameraState.RECONNECTING, CameraState.STALLED} & set(ingest.states)


def undecodable(clip: Clip) -> Clip:
    """The clip with slices that refer to a picture parameter set that is never sent."""
    # H.264, 7.3.3: first_mb_in_slice 0, slice_type 5, pic_parameter_set_id 200.
    slice_header = 0b1_00110_000000011001001_1_00
    nal = b"\x41" + slice_header.to_bytes(3, "big") + bytes(range(64, 128))
    units = tuple(dataclasses.replace(unit, nals=(nal,)) for unit in clip.units)
    return dataclasses.replace(clip, units=units)


def test_a_clock_step_is_told_once_and_the_camera_is_online_again(server: Server) -> None:
    """With its size; frames go on."""
    with ingesting(server.url("front"), fps=10, clock_window_s=60) as ingest:
        wait_until(
            lambda: any(meta.clock_offset_ms is not None for meta in ingest.metas), "a report"
        )
        ingest.wait_for_frames(5)
        server.cameras["front"].faults.clock_offset_s = 10
        wait_until(lambda: CameraState.CLOCK_STEP in ingest.states, "the step")
        ingest.wait_for_frames(30)
    steps = [status for status in ingest.statuses if status.state is CameraState.CLOCK_STEP]
    assert ["+10.0 s" in status.reason for status in steps] == [True]
    after = ingest.statuses[ingest.statuses.index(steps[0]) + 1]
    assert (after.state, after.reason) == (CameraState.ONLINE, steps[0].reason)


def test_a_slow_clip_with_b_frames_is_no_clock_step(folder: Path) -> None:
    """Its pictures are decoded out of order, and their times jump back and forth by 1.7 s."""
    clip = Clip.load(make_clip(folder / "b-frames.mp4", bframes=3, seconds=4), fps=3)
    with Server({"front": clip}) as server, ingesting(server.url("front"), fps=30) as ingest:
        ingest.wait_for_frames(20)
    assert CameraState.CLOCK_STEP not in ingest.states
    assert any(meta.clock_offset_ms is not None for meta in ingest.metas)


@pytest.mark.parametrize("fps", [0.5, 60])
def test_slow_and_fast_cameras_are_online_and_stay_so(folder: Path, fps: float) -> None:
    """Nothing is a stall that is the camera's own rate."""
    paced = Clip.load(make_clip(folder / "paced.mp4"), fps=fps)
    with (
        Server({"front": paced}) as server,
        ingesting(server.url("front"), fps=60, read_timeout_s=30) as ingest,
    ):
        wait_for_state(ingest, CameraState.ONLINE)
        for _ in range(3):
            ingest.wait_for_frames(1)
            ingest.monitor.check_stall()
    assert ingest.states.count(CameraState.ONLINE) == 1
    assert CameraState.STALLED not in ingest.states


def test_a_camera_that_stops_in_mid_stream_is_told_once(server: Server) -> None:
    """A picture that the time-out shakes out of the parser does not make it look alive."""
    with ingesting(server.url("front"), fps=10, read_timeout_s=3) as ingest:
        ingest.wait_for_frames(20)
        newest = len(ingest.metas)
        server.cameras["front"].faults.stall = True
        wait_for_state(ingest, CameraState.STALLED)
        ingest.wait_for_state(CameraState.RECONNECTING)
        stalled_at = ingest.states.index(CameraState.STALLED)
        assert ingest.states[stalled_at + 1] is CameraState.RECONNECTING
        assert len(ingest.metas) <= newest + 3
