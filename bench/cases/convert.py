"""Decoded pictures to planar YUV at model scale."""

from __future__ import annotations

from itertools import cycle, islice

import av

from bench.cases import Options, row
from bench.clips import clip
from bench.result import Row
from bench.timing import timed
from vision.capture.scale import Scaler

_LONG_SIDE = 640
_SIZES = ((640, 360), (1280, 720), (1920, 1080))
_PICTURES = 10


def measure(options: Options) -> list[Row]:
    """From each size of camera to a longest side of 640 pixels."""
    rows = []
    for width, height in _SIZES:
        with av.open(str(options.used(clip(width, height)))) as container:
            pictures = list(islice(container.decode(video=0), _PICTURES))
        scaler, turn = Scaler(_LONG_SIDE), cycle(pictures)
        figures = timed(lambda: scaler.scale(next(turn)), options.seconds)  # noqa: B023  called here
        rows.append(row("convert", f"{width}x{height} to {_LONG_SIDE}", figures))
    return rows
