"""Where decoding can begin: at pictures that need no other, not at all that carry the flag.

FFmpeg flags a picture of H.264 as a key frame if it has a recovery point. With intra refresh
that is a P picture like any other: decoded alone, most of it is grey or old. So the NAL units are
asked (ITU-T H.264, 7.4.1.2.4; H.265, 7.4.2.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import av
from av.video.stream import VideoStream

NO_KEY_FRAMES = (
    "it sends recovery points instead of key frames (intra refresh or open GOP without IDR): every "
    "picture is decoded, and its decoder does not sleep"
)
"""What to tell of such a camera."""
_START_CODE = re.compile(rb"\x00\x00\x01")
_START_CODES = (b"\x00\x00\x01", b"\x00\x00\x00\x01")
_H264_SLICES, _H264_IDR = range(1, 6), 5
# BLA, IDR, CRA, and two reserved ones of their kind.
_H265_SLICES, _H265_IRAP = range(32), range(16, 24)
# Where avcC and hvcC say how many bytes the length of a NAL unit has (ISO/IEC 14496-15).
_LENGTH_AT = {"h264": 4, "hevc": 21}


class RandomAccess:
    """Knows at which packets of one stream decoding can begin."""

    def __init__(self, codec: str, extradata: bytes | None) -> None:
        """Of a stream of ``codec``, as FFmpeg names it.

        NAL units have start codes, as over RTSP, unless ``extradata`` says that they have lengths.
        """
        self._codec = codec
        self._length_bytes = 0
        at = _LENGTH_AT.get(codec)
        if at and extradata and len(extradata) > at and not extradata.startswith(_START_CODES):
            self._length_bytes = (extradata[at] & 3) + 1

    def begins_at(self, packet: av.Packet[VideoStream]) -> bool:
        """Whether the picture in ``packet`` needs no other, nor do those that are shown later.

        Of codecs other than H.264 and H.265 the flag is believed.
        """
        if not packet.is_keyframe or self._codec not in _LENGTH_AT:
            return packet.is_keyframe
        data = bytes(packet)
        headers = self._by_length(data) if self._length_bytes else _by_start_code(data)
        kinds = [*(_h264 if self._codec == "h264" else _h265)(headers)]
        return bool(kinds) and all(kinds)

    def _by_length(self, data: bytes) -> Iterator[bytes]:
        at = 0
        while at + self._length_bytes < len(data):
            begin = at + self._length_bytes
            yield data[begin : begin + 2]
            at = begin + int.from_bytes(data[at:begin], "big")


def _by_start_code(data: bytes) -> Iterator[bytes]:
    for found in _START_CODE.finditer(data):
        yield data[found.end() : found.end() + 2]


def _h264(headers: Iterator[bytes]) -> Iterator[bool]:
    """Of each slice, whether it is of an IDR picture."""
    for header in headers:
        kind = header[0] & 0x1F if header else 0
        if kind in _H264_SLICES:
            yield kind == _H264_IDR


def _h265(headers: Iterator[bytes]) -> Iterator[bool]:
    """Of each slice of the base layer, whether it is of an IRAP picture."""
    for header in headers:
        if len(header) < 2:  # noqa: PLR2004  bytes of a header
            continue
        kind, layer = header[0] >> 1 & 0x3F, (header[0] & 1) << 5 | header[1] >> 3
        if kind in _H265_SLICES and not layer:
            yield kind in _H265_IRAP
