"""Legal but unusual video, from an RTSP camera through a worker: frames flow, and it is told."""

from __future__ import annotations

import av
import pytest
from av.video.stream import VideoStream

from simulator import Clip, Server
from simulator.clip import CLOCK_HZ, AccessUnit, Codec
from tests.support.encoded_video import FPS, encode, nal_units, panned
from tests.support.ingest import ingesting
from vision.capture.address import RtspAddress
from vision.capture.probe import probe_camera
from vision.domain.status import CameraState

pytestmark = pytest.mark.integration

_CODECS = {"h264": Codec.H264, "hevc": Codec.H265}
_GOP = "keyint=10:min-keyint=10:scenecut=0"


def clip_of(packets: list[av.Packet[VideoStream]], codec: str) -> Clip:
    """As the simulator shows it; without B-frames."""
    kind = _CODECS[codec]
    units = [tuple(nal_units(packet)) for packet in packets]
    sets = tuple(nal for nal in units[0] if kind.nal_type(nal) in kind.parameter_sets)
    step = CLOCK_HZ // FPS
    return Clip(kind, sets, tuple(AccessUnit(nals, lag=0, step=step) for nals in units))


@pytest.mark.parametrize(
    ("codec", "params", "pixel_format", "told"),
    [
        ("h264", "colormatrix=YCgCo", "yuv420p", "colour matrix 8 (YCgCo)"),
        ("h264", "colormatrix=bt2020c", "yuv420p", "read as BT.2020"),
        ("h264", "colormatrix=ICtCp", "yuv420p10le", "ICtCp"),
        ("hevc", "colormatrix=smpte2085", "yuv420p", "SMPTE ST 2085"),
        ("hevc", "colormatrix=chroma-derived-nc:colorprim=bt709", "yuv420p", "read as BT.709"),
        ("h264", "tff=1", "yuv420p", ""),
        ("h264", "", "yuv444p", ""),
        ("hevc", "", "yuv422p10le", ""),
        ("h264", "", "gray", ""),
    ],
)
def test_unusual_pictures_are_seen(codec: str, params: str, pixel_format: str, told: str) -> None:
    """By one worker, and a look at the camera says what is assumed."""
    packets = encode(panned(20), codec, f"{_GOP}:{params}", pixel_format=pixel_format)
    with Server({"front": clip_of(packets, codec)}) as server:
        seen = probe_camera(RtspAddress(server.url("front")))
        assert bool(seen.peculiarities) is bool(told)
        if told:
            assert any(told in each for each in seen.peculiarities)
        with ingesting(server.url("front"), fps=10) as ingest:
            ingest.wait_for_frames(10)
    assert len({meta.run for meta in ingest.metas}) == 1
    assert CameraState.RECONNECTING not in ingest.states


def test_intra_refresh_is_told() -> None:
    """Whoever looks at the camera hears that it has no key frames."""
    packets = encode(panned(60), "h264", "intra-refresh=1:keyint=5:scenecut=0")
    with Server({"front": clip_of(packets, "h264")}) as server:
        seen = probe_camera(RtspAddress(server.url("front")))
    assert not seen.has_key_frames
    assert any("recovery points" in each for each in seen.peculiarities)


def test_a_matrix_that_changes_in_mid_stream_hurts_nobody() -> None:
    """Nor does one that nobody knows."""
    clips = [
        clip_of(encode(panned(10), "h264", f"{_GOP}:colormatrix={matrix}"), "h264")
        for matrix in ("bt709", "YCgCo", "ICtCp", "GBR")
    ]
    with Server({"front": clips[0]}) as server, ingesting(server.url("front"), fps=10) as ingest:
        for clip in clips:
            server.cameras["front"].show(clip)
            ingest.wait_for_frames(15)
    assert len({meta.run for meta in ingest.metas}) == 1
    assert CameraState.RECONNECTING not in ingest.states
