"""Coded pictures in memory, with any option of an encoder: packets as a camera would send them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from numpy.typing import NDArray

FPS = 10
_ENCODERS = {"h264": "libx264", "hevc": "libx265"}
_START_CODE = b"\x00\x00\x01"


def panned(count: int, width: int = 320, height: int = 240) -> list[av.VideoFrame]:
    """A textured scene that the camera pans over, so that each picture needs all of its pixels."""
    random = np.random.default_rng(7)
    coarse = random.integers(30, 226, (height // 16 + 2, (width + 12 * count) // 16 + 2, 3))
    scene = np.kron(coarse, np.ones((16, 16, 1))).astype(np.uint8)
    return [_frame(scene[:height, 12 * at : 12 * at + width], at) for at in range(count)]


def still(count: int, picture: NDArray[np.uint8]) -> list[av.VideoFrame]:
    """The same RGB picture again and again."""
    return [_frame(picture, at) for at in range(count)]


def encode(
    pictures: Iterable[av.VideoFrame],
    codec: str = "h264",
    params: str = "",
    *,
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
) -> list[av.Packet[VideoStream]]:
    """Packets with start codes, each with parameter sets before its key frame.

    ``params`` are of x264 or x265, without B-frames or delay unless they say so.
    """
    name = _ENCODERS[codec]
    context = cast("VideoCodecContext", av.CodecContext.create(name, "w"))
    x_params = f"repeat-headers=1:log-level=none:{params}".removesuffix(":")
    context.options = (
        {"preset": "veryfast", "tune": "zerolatency"}
        | (options or {})
        | {f"{name.removeprefix('lib')}-params": x_params}
    )
    context.pix_fmt, context.time_base, context.framerate = (
        pixel_format,
        Fraction(1, FPS),
        Fraction(FPS),
    )
    packets: list[av.Packet[VideoStream]] = []
    for picture in pictures:
        if not packets and not context.is_open:
            context.width, context.height = picture.width, picture.height
        coded = picture.reformat(format=pixel_format)
        coded.pts, coded.time_base = picture.pts, picture.time_base
        packets += context.encode(coded)
    return packets + context.encode(None)


def decoder(codec: str) -> VideoCodecContext:
    """A decoder as a connection has one."""
    context = cast("VideoCodecContext", av.CodecContext.create(codec, "r"))
    context.thread_count = 1
    context.copy_opaque = True
    return context


def nal_units(packet: av.Packet[VideoStream]) -> list[bytes]:
    """The NAL units of a packet with start codes."""
    return [unit.rstrip(b"\x00") for unit in bytes(packet).split(_START_CODE)[1:]]


def with_start_codes(units: Iterable[bytes]) -> bytes:
    """The reverse of :func:`nal_units`."""
    return b"".join(b"\x00" + _START_CODE + unit for unit in units)


def packet_of(data: bytes, *, is_flagged: bool = True) -> av.Packet[VideoStream]:
    """A packet, with the flag of a key frame or without."""
    packet = cast("av.Packet[VideoStream]", av.Packet(data))
    packet.is_keyframe = is_flagged
    return packet


def _frame(picture: NDArray[np.uint8], at: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
    frame.pts, frame.time_base = at, Fraction(1, FPS)
    return frame
