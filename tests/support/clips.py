"""Short clips with known content, encoded when a test needs them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal, cast

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

Pattern = Literal["moving", "still", "grainy", "noise"]

_ENCODERS = {"h264": "libx264", "hevc": "libx265"}
# A strip of this many black or white blocks along the top is the frame's number in binary.
_NUMBER_BITS = 12
# Standard deviation of a small sensor's noise in good light, in levels of 256.
_GRAIN = 2.0


def make_clip(
    path: Path,
    codec: Literal["h264", "hevc"] = "h264",
    *,
    width: int = 320,
    height: int = 240,
    fps: int = 10,
    seconds: float = 2.0,
    pattern: Pattern = "moving",
    bframes: int = 0,
    gop_s: float = 1.0,
    is_refreshed: bool = False,
    matrix: str = "",
) -> Path:
    """Encode a clip into ``path``, whose suffix names the container (mp4, mkv, ts), and return it.

    Args:
        path: Where it goes; an existing file is overwritten.
        codec: As FFmpeg names it.
        width: In pixels, even.
        height: In pixels, even.
        fps: Frames per second.
        seconds: Length; ``round(seconds * fps)`` frames.
        pattern: ``moving``: a box crosses a gradient and :func:`frame_number` can be read from
            each frame; ``still``: the same picture all the time, without a number; ``grainy``:
            as ``still``, seen by a sensor with noise; ``noise``: hard to compress, about one
            byte per pixel.
        bframes: Consecutive B-frames; 0 encodes without any delay, as cameras do.
        gop_s: Seconds between key frames.
        is_refreshed: Whether recovery points take the place of all key frames but the first.
        matrix: Of the colours, as x264 names it: said of the pictures, not done to them.
    """
    options = {"preset": "ultrafast"}
    if not bframes:
        options["tune"] = "zerolatency"
    if codec == "hevc":
        options["x265-params"] = "log-level=none"
    if is_refreshed:
        options["intra-refresh"] = "1"
    if matrix:
        options["x264-params"] = f"colormatrix={matrix}"
    if pattern in {"noise", "grainy"}:
        options["crf"] = "4" if pattern == "noise" else "18"
    with av.open(str(path), "w") as container:
        stream = cast("VideoStream", container.add_stream(_ENCODERS[codec], fps, options))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = round(gop_s * fps)
        stream.codec_context.max_b_frames = bframes
        for number, image in enumerate(_images(pattern, width, height, round(seconds * fps))):
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def frame_number(image: NDArray[np.uint8]) -> int:
    """Read the number, from 0, of a frame of a ``moving`` clip from its decoded RGB picture.

    Compression does not hurt it, and neither does a change of size.
    """
    height, width = image.shape[:2]
    row = image[height // 32, :, 1]
    centres = ((np.arange(_NUMBER_BITS) + 0.5) * width / _NUMBER_BITS).astype(int)
    return int(sum(1 << bit for bit, x in enumerate(centres) if row[x] > 127))


def _images(pattern: Pattern, width: int, height: int, count: int) -> Iterator[NDArray[np.uint8]]:
    random = np.random.default_rng(0)
    gradient = np.linspace(60, 180, width * height * 3).reshape(height, width, 3).astype(np.uint8)
    strip, size = max(height // 16, 1), height // 4
    for number in range(count):
        if pattern == "noise":
            yield random.integers(0, 256, (height, width, 3), dtype=np.uint8)
            continue
        image = gradient.copy()
        shift = number if pattern == "moving" else 0
        left = shift * max(width // 40, 1) % (width - size)
        image[height // 2 : height // 2 + size, left : left + size] = (240, 200, 40)
        if pattern == "grainy":
            noise = random.normal(0, _GRAIN, image.shape)
            image = np.clip(image + noise, 0, 255).astype(np.uint8)
        if pattern == "moving":
            bits = number >> np.arange(width) * _NUMBER_BITS // width & 1
            image[:strip] = (bits * 255).astype(np.uint8)[None, :, None]
        yield image
