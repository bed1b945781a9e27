"""Where decoding can begin, by what encoders really send."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import av
import pytest
from av.video.stream import VideoStream

from tests.support.clips import make_clip
from tests.support.encoded_video import encode, nal_units, packet_of, panned, with_start_codes
from vision.capture.random_access import RandomAccess

_GOP = 10
_FIXED = f"keyint={_GOP}:min-keyint={_GOP}:scenecut=0"


def starts(packets: list[av.Packet[VideoStream]], codec: str) -> list[int]:
    """Numbers of the packets at which decoding can begin."""
    access = RandomAccess(codec, None)
    return [at for at, packet in enumerate(packets) if access.begins_at(packet)]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("slices", [1, 4])
def test_a_key_frame_is_one(codec: str, slices: int) -> None:
    """Also of several slices, behind parameter sets and messages."""
    packets = encode(panned(3 * _GOP), codec, f"{_FIXED}:slices={slices}:open-gop=0")
    assert starts(packets, codec) == [0, _GOP, 2 * _GOP]


def test_a_recovery_point_of_h264_is_none() -> None:
    """The flag is on each of them, and only the first is a picture of its own."""
    packets = encode(panned(3 * _GOP), "h264", f"intra-refresh=1:keyint={_GOP}:scenecut=0")
    assert [at for at, packet in enumerate(packets) if packet.is_keyframe] == [0, _GOP, 2 * _GOP]
    assert starts(packets, "h264") == [0]


def test_intra_refresh_of_h265_has_no_start_but_its_first() -> None:
    """As it has no flags either."""
    params = f"intra-refresh=1:keyint={_GOP}:min-keyint=1:scenecut=0"
    assert starts(encode(panned(3 * _GOP), "hevc", params), "hevc") == [0]


def test_an_open_group_begins_at_a_cra_of_h265_but_not_at_an_i_picture_of_h264() -> None:
    """What H.264 sends there cannot be told from intra refresh by its type."""
    params = f"{_FIXED}:bframes=2:open-gop=1"
    options = {"tune": "psnr"}
    coded = {c: encode(panned(3 * _GOP), c, params, options=options) for c in ("h264", "hevc")}
    found = starts(coded["hevc"], "hevc")
    assert len(found) == 3
    kinds = {unit[0] >> 1 & 63 for at in found[1:] for unit in nal_units(coded["hevc"][at])}
    assert 21 in kinds
    assert starts(coded["h264"], "h264") == [0]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_file_has_lengths_in_place_of_start_codes(
    codec: Literal["h264", "hevc"], tmp_path: Path
) -> None:
    """As its extradata say."""
    with av.open(str(make_clip(tmp_path / "clip.mp4", codec))) as container:
        stream = container.streams.video[0]
        access = RandomAccess(codec, stream.codec_context.extradata)
        packets = [packet for packet in container.demux(stream) if packet.size]
    assert [packet.is_keyframe for packet in packets] == [
        access.begins_at(packet) for packet in packets
    ]


@pytest.mark.parametrize("kind", range(32))
def test_only_an_idr_picture_of_h264_is_a_start(kind: int) -> None:
    """By NAL unit type; a packet without a slice is none."""
    packet = packet_of(with_start_codes([b"\x09\xf0", bytes([0x60 | kind]) + b"\x88\x84\x21"]))
    assert RandomAccess("h264", None).begins_at(packet) is (kind == 5)


@pytest.mark.parametrize("kind", range(64))
def test_only_irap_pictures_of_h265_are_starts(kind: int) -> None:
    """BLA, IDR and CRA of the base layer."""
    for layer in (0, 1):
        header = bytes([kind << 1, layer << 3 | 1])
        packet = packet_of(with_start_codes([b"\x46\x01\x50", header + b"\x88\x84\x21"]))
        expected = 16 <= kind <= 23 and layer == 0
        assert RandomAccess("hevc", None).begins_at(packet) is expected


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("data", [b"\x00", b"\x00\x00\x01", b"\x00\x00\x01\x26", b"\xff" * 9])
@pytest.mark.parametrize("extradata", [None, b"\x01" * 40, b"\x01", b"\x00\x00\x00\x01"])
def test_junk_is_no_start(codec: str, data: bytes, extradata: bytes | None) -> None:
    """Nor is it an error."""
    packet = packet_of(data)
    assert RandomAccess(codec, extradata).begins_at(packet) is False


@pytest.mark.parametrize("is_flagged", [False, True])
def test_of_other_codecs_the_flag_is_believed(is_flagged: bool) -> None:  # noqa: FBT001  a parameter
    """Motion JPEG has nothing else."""
    packet = packet_of(b"\xff\xd8\xff\xd9", is_flagged=is_flagged)
    assert RandomAccess("mjpeg", None).begins_at(packet) is is_flagged
