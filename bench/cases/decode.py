"""Packets to pictures: a decoder of one thread, as an ingest worker sets it up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import av
from av.video.stream import VideoStream

from bench.cases import Options, row
from bench.clips import Codec, clip
from bench.result import Row
from bench.timing import timed

_SIZES = ((640, 360), (1920, 1080))
_CODECS: tuple[Codec, ...] = ("h264", "hevc")


def measure(options: Options) -> list[Row]:
    """Each codec at the size of a camera's second stream and of its first."""
    rows = []
    for width, height in _SIZES:
        for codec in _CODECS:
            path = options.used(clip(width, height, codec=codec))
            with av.open(str(path)) as container:
                stream = container.streams.video[0]
                stream.thread_type = "NONE"
                stream.codec_context.thread_count = 1
                packets = [packet for packet in container.demux(stream) if packet.size]
                # The clip begins with a key frame, so it can be decoded round and round.
                turn = cycle(packets)
                figures = timed(lambda: next(turn).decode(), options.seconds)  # noqa: B023  called here
            variant = f"{codec} {width}x{height}"
            rows.append(row("decode", variant, figures, kbit_per_frame=_kbit(packets)))
    return rows


def _kbit(packets: Sequence[av.Packet[VideoStream]]) -> float:
    return round(sum(packet.size for packet in packets) * 8 / 1000 / len(packets), 1)
