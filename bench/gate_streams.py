"""Streams as an encoder of a camera leaves them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.video.stream import VideoStream

_ENCODERS = {"h264": "libx264", "h265": "libx265"}
CODECS = tuple(_ENCODERS)


def write_stream(
    path: Path,
    pictures: Iterable[av.VideoFrame],
    *,
    codec: str,
    fps: int,
    group: int,
    options: Mapping[str, str],
    left_out: int = 0,
) -> None:
    """Encode ``pictures`` with ``options`` and a key frame each ``group`` of them.

    The first ``left_out`` packets are not written, which must be whole groups without B-frames.
    """
    chosen = {"preset": "ultrafast"} | dict(options)
    if codec == "h265":
        more = chosen.get("x265-params")
        chosen["x265-params"] = ":".join(filter(None, ("log-level=none", more)))
    with av.open(str(path), "w") as container:
        stream = cast("VideoStream", container.add_stream(_ENCODERS[codec], fps, chosen))
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = group
        packets = itertools.chain.from_iterable(
            stream.encode(frame) for frame in _numbered(pictures, stream, fps)
        )
        for packet in itertools.islice(itertools.chain(packets, _rest(stream)), left_out, None):
            if packet.pts is not None and packet.dts is not None:
                packet.pts, packet.dts = packet.pts - left_out, packet.dts - left_out
            container.mux(packet)


def _numbered(
    pictures: Iterable[av.VideoFrame], stream: VideoStream, fps: int
) -> Iterable[av.VideoFrame]:
    for number, frame in enumerate(pictures):
        if number == 0:
            stream.width, stream.height = frame.width, frame.height
        frame.pts, frame.time_base = number, Fraction(1, fps)
        yield frame


def _rest(stream: VideoStream) -> Iterable[av.Packet[VideoStream]]:
    # Asked for when all pictures are in.
    yield from stream.encode()
