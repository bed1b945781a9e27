"""Clips: what a file becomes, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest

from simulator.clip import CLOCK_HZ, Clip, Codec
from tests.support.clips import make_clip
from vision.domain.errors import ConfigError

Name = Literal["h264", "hevc"]


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("bframes", [0, 2])
def test_frames_follow_each_other_evenly(
    tmp_path: Path, codec: Name, container: str, bframes: int
) -> None:
    """Whatever the container, frames are sent and shown at the clip's own even pace."""
    path = make_clip(tmp_path / f"clip.{container}", codec, fps=20, seconds=1.5, bframes=bframes)

    clip = Clip.load(path)

    frame = CLOCK_HZ // 20
    assert len(clip.units) == 30
    assert clip.fps == pytest.approx(20)
    assert [unit.step for unit in clip.units] == pytest.approx([frame] * 30, abs=1)
    shown = [at * frame - unit.lag for at, unit in enumerate(clip.units)]
    assert np.diff(sorted(shown)) == pytest.approx([frame] * 29, abs=1)
    assert min(unit.lag for unit in clip.units) == 0
    assert (max(unit.lag for unit in clip.units) > 0) == (bframes > 0)


@pytest.mark.parametrize(("name", "codec"), [("h264", Codec.H264), ("hevc", Codec.H265)])
@pytest.mark.parametrize("container", ["mp4", "ts"])
def test_key_frames_begin_with_their_parameter_sets(
    tmp_path: Path, name: Name, codec: Codec, container: str
) -> None:
    """Each key frame can be decoded by itself, and no unit holds a delimiter."""
    path = make_clip(tmp_path / f"clip.{container}", name, fps=10, seconds=2, gop_s=0.5)

    clip = Clip.load(path)

    assert clip.codec is codec
    assert tuple(map(codec.nal_type, clip.parameter_sets)) == codec.parameter_sets
    for number, unit in enumerate(clip.units):
        types = tuple(map(codec.nal_type, unit.nals))
        starts = types[: len(codec.parameter_sets)] == codec.parameter_sets
        assert starts == (number % 5 == 0)
        assert codec.delimiter not in types


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_nal_units_are_all_of_the_video(tmp_path: Path, codec: Name) -> None:
    """The units with start codes in front decode to as many frames as went in."""
    clip = Clip.load(make_clip(tmp_path / "clip.mp4", codec, seconds=1, bframes=2))

    decoder = av.CodecContext.create(codec, "r")
    coded = [b"".join(b"\x00\x00\x00\x01" + nal for nal in unit.nals) for unit in clip.units]
    frames = [frame for data in coded for frame in decoder.decode(av.Packet(data))]
    frames += decoder.decode(None)

    assert len(frames) == len(clip.units)


def test_frame_rate_can_be_chosen(tmp_path: Path) -> None:
    """A given frame rate replaces that of the file."""
    path = make_clip(tmp_path / "clip.mp4", fps=10, seconds=1, bframes=2)

    clip = Clip.load(path, fps=12.5)

    assert clip.fps == pytest.approx(12.5)
    assert {unit.step for unit in clip.units} == {CLOCK_HZ * 2 // 25}


def test_single_picture_is_a_clip(tmp_path: Path) -> None:
    """One frame alone is repeated at 25 frames per second."""
    clip = Clip.load(make_clip(tmp_path / "clip.mp4", fps=10, seconds=0.1))

    assert len(clip.units) == 1
    assert clip.fps == 25


def test_other_codecs_are_refused(tmp_path: Path) -> None:
    """The refusal is one line that names the file, its codec and the remedy."""
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", 10)
        stream.width = stream.height = 64
        container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(stream.encode())

    with pytest.raises(ConfigError, match=r"clip\.mkv holds mpeg4 video .* re-encode it") as caught:
        Clip.load(path)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100, None])
def test_files_that_are_no_video_are_refused(tmp_path: Path, content: bytes | None) -> None:
    """A broken, empty or missing file is named."""
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"clip\.mp4 cannot be read"):
        Clip.load(path)


def test_bare_streams_without_timestamps_are_refused(tmp_path: Path) -> None:
    """Nothing tells how fast a raw stream is or how its B-frames are ordered."""
    path = make_clip(tmp_path / "clip.h264")

    with pytest.raises(ConfigError, match=r"clip\.h264 holds no timestamps"):
        Clip.load(path)
