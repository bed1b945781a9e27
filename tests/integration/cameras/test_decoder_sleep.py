"""The decoder's sleep on real streams: what is saved, and that nothing is lost by it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest

from bench.gate_replay import Replay, replay
from simulator.clip import Clip
from simulator.server import Server
from tests.support.clips import make_clip
from tests.support.entering import CONSTANT_RATE, FPS, make_entering
from tests.support.ingest import ingesting
from tests.support.waiting import wait_until
from vision.capture.decoding import DecodedFrame, FrameOrigin
from vision.config.camera import MotionSettings
from vision.domain.frame import FrameMeta
from vision.domain.status import CameraState

pytestmark = pytest.mark.integration

_STILL_S = 20.0
_REFRESH_S = 5.0
_PACE = 5
_ON = MotionSettings(enabled=True, hold_s=0.5, refresh_s=_REFRESH_S)
_AWAKE = MotionSettings(enabled=True, hold_s=0.5, refresh_s=_REFRESH_S, sleep=False)
# A busy machine reads frames late; without refreshes there would be none for as long as it sleeps.
_LATE_S = 5.0


def gaps_s(metas: list[FrameMeta]) -> list[float]:
    """Seconds between the arrivals of frames that passed."""
    arrived_s = [meta.received_mono_ns / 1e9 for meta in metas]
    return [later - earlier for earlier, later in itertools.pairwise(arrived_s)]


def accounted(seen: Replay) -> int:
    """Frames of the pace: each has its number or is counted as held back."""
    numbers = [meta.seq for meta in seen.metas]
    assert numbers == list(range(1, len(numbers) + 1))
    return len(numbers) + seen.counters.gated


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("bframes", [0, 2])
def test_who_enters_is_seen_as_if_the_decoder_had_been_awake(
    codec: str, bframes: int, tmp_path: Path
) -> None:
    """The same frames pass, and each picture is the one that was sent, to the last bit."""
    clip = make_entering(tmp_path / "clip.mp4", codec, still_s=_STILL_S, bframes=bframes)
    with av.open(str(clip)) as container:
        sent = {frame.pts: frame.to_ndarray(format="gray") for frame in container.decode(video=0)}
    turns: dict[int | None, set[FrameOrigin]] = {}

    def look(decoded: DecodedFrame) -> None:
        pts = decoded.picture.pts
        turns.setdefault(pts, set()).add(decoded.origin)
        assert np.array_equal(decoded.picture.to_ndarray(format="gray"), sent[pts or 0])

    asleep, awake = replay(clip, _PACE, _ON, on_picture=look), replay(clip, _PACE, _AWAKE)
    frames = len(sent) * _PACE // FPS
    assert asleep.counters.slept > 60
    assert asleep.counters.decoded + asleep.counters.slept == awake.counters.decoded
    # Pictures of B-frames come with the times of their packets, out of order: the pace passes over
    # more of them than of packets.
    assert accounted(awake) - 1 <= accounted(asleep) <= frames + 1
    walk = [number for number in awake.passed if number >= _STILL_S * FPS]
    assert len(walk) > 10
    assert set(walk) <= set(asleep.passed)
    # What it had slept over was decoded when it woke.
    woken = next(at for at in range(round(_STILL_S * FPS) - 3, len(sent)) if not asleep.slept[at])
    assert woken <= _STILL_S * FPS + 2
    assert FrameOrigin.CATCH_UP in set().union(*turns.values())


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_a_constant_rate_never_sleeps(codec: str, tmp_path: Path) -> None:
    """It fills up still scenes, and its packets say nothing."""
    clip = make_entering(tmp_path / "clip.mp4", codec, still_s=_STILL_S, rate=CONSTANT_RATE)
    seen = replay(clip, _PACE, _ON)
    assert seen.counters.gated > 50
    assert seen.counters.slept == 0


@pytest.mark.parametrize("group_s", [1, 2, 4])
def test_a_frame_passes_each_refresh_however_far_apart_key_frames_are(
    group_s: float, tmp_path: Path
) -> None:
    """One that comes in time, or the newest when it is due."""
    clip = make_entering(tmp_path / "clip.mp4", still_s=40, walking_s=0, group_s=group_s)
    seen = replay(clip, _PACE, _ON)
    assert seen.counters.slept > 30
    assert max(gaps_s(seen.metas)) <= _REFRESH_S + 1e-6
    assert accounted(seen) == pytest.approx(40 * _PACE, abs=1)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_still_camera_sleeps_and_wakes(codec: Literal["h264", "hevc"], tmp_path: Path) -> None:
    """Over RTSP: it is online all the time, and whoever looks at it knows why so little is decoded."""
    name = "h265" if codec == "hevc" else codec
    still, entering = (
        Clip.load(make_entering(tmp_path / f"{walk}.mp4", name, still_s=2, walking_s=walk))
        for walk in (0, 4)
    )
    motion = {"enabled": True, "hold_s": 0.5, "refresh_s": _REFRESH_S}
    with (
        Server({"front": still}) as server,
        ingesting(server.url("front"), fps=FPS, motion=motion) as ingest,
    ):
        wait_until(lambda: ingest.monitor.view().is_asleep, "sleep")
        wait_until(lambda: ingest.monitor.view().fps_in < FPS / 2, "little to be decoded")
        wait_until(lambda: ingest.monitor.view().counts.slept > 5 * FPS, "frames passed over")
        seen = len(ingest.metas)
        assert ingest.monitor.view().is_still
        server.cameras["front"].show(entering)
        wait_until(lambda: not ingest.monitor.view().is_still, "the gate to be open")
        wait_until(lambda: not ingest.monitor.view().is_asleep, "the decoder to be awake")
        wait_until(lambda: len(ingest.metas) > seen + 20, "frames of the walk")
        metas = list(ingest.metas)
        overtaken = ingest.overtaken
        assert ingest.monitor.view().counts.decode_errors == 0
        assert ingest.states == [CameraState.STARTING, CameraState.ONLINE]
    assert max(gaps_s(metas)) <= _REFRESH_S + _LATE_S
    # On a busy machine one may overtake another before this process has seen it.
    seqs = [meta.seq for meta in metas]
    assert seqs == sorted(set(seqs))
    assert seqs[-1] - len(seqs) <= overtaken
    # A refresh or two before the change, and then frame by frame.
    assert len({meta.gated for meta in metas[seen + 3 : seen + 20]}) == 1


def test_a_frozen_picture_is_told_while_the_decoder_sleeps(tmp_path: Path) -> None:
    """Key frames say so, and what moves afterwards ends it."""
    frozen = Clip.load(make_clip(tmp_path / "still.mp4", pattern="still", gop_s=0.5))
    moving = Clip.load(make_clip(tmp_path / "moving.mp4"))
    motion = {"enabled": True, "hold_s": 0.5, "refresh_s": 20}
    with (
        Server({"front": frozen}) as server,
        ingesting(server.url("front"), fps=FPS, motion=motion, frozen_after_s=12) as ingest,
    ):
        wait_until(lambda: ingest.monitor.view().is_asleep, "sleep")
        assert CameraState.FROZEN not in ingest.states
        ingest.wait_for_state(CameraState.FROZEN)
        wait_until(lambda: ingest.monitor.view().is_asleep, "sleep, and the camera frozen")
        assert ingest.monitor.state is CameraState.FROZEN
        server.cameras["front"].show(moving)
        ingest.wait_for_state(CameraState.ONLINE)
        told = [CameraState.ONLINE, CameraState.FROZEN, CameraState.ONLINE]
        assert ingest.states == [CameraState.STARTING, *told]
