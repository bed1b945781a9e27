"""What the simulated cameras show: a pan over a photograph, its frames numbered.

Made once and kept in ``bench/.cache``, with one thread and fixed settings, so that the same
encoder makes the same bytes; the hash stands in every result.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Literal, TypeAlias, cast

import av
import cv2
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from bench import stamp
from simulator.pan import pulled_pan
from vision.models.progress import NoProgress

Codec: TypeAlias = Literal["h264", "hevc"]
CACHE = Path(__file__).parent / ".cache"
SECONDS = 20
_ENCODERS = {"h264": "libx264", "hevc": "libx265"}


def clip(width: int, height: int, fps: int = 10, codec: Codec = "h264") -> Path:
    """The clip of a size in pixels; each frame's number can be read by :mod:`bench.stamp`."""
    CACHE.mkdir(exist_ok=True)
    path = CACHE / f"bus-{width}x{height}-{fps}fps-{codec}.mp4"
    if not path.exists():
        part = path.with_name(f".{os.getpid()}-{path.name}")
        try:
            views, frames = list(_views((width, height))), SECONDS * fps
            # The pan takes as long at any rate: a faster camera sees each view several times.
            shown = [views[number * len(views) // frames] for number in range(frames)]
            encode(part, shown, fps, codec)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return path


def frames_of(path: Path) -> int:
    """Number of frames of a clip."""
    with av.open(str(path)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)


def sha256(path: Path) -> str:
    """Of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def encode(path: Path, views: Sequence[NDArray[np.uint8]], fps: int, codec: Codec) -> None:
    """Number pictures (height, width, 3) in blue, green, red, and encode them into ``path``."""
    # As cameras encode: no B-frames, no lookahead, a key frame each second.
    options = {"preset": "veryfast", "tune": "zerolatency", "crf": "23"}
    if codec == "hevc":
        options["x265-params"] = "log-level=none:pools=none:frame-threads=1"
    height, width = views[0].shape[:2]
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = cast("VideoStream", container.add_stream(_ENCODERS[codec], fps, options))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = fps
        stream.codec_context.thread_count = 1
        for number, view in enumerate(views):
            picture = view.copy()
            stamp.burn(picture, number)
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _views(size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    """The middle of each frame of the pan in the aspect ratio of ``size`` and scaled to it."""
    with av.open(str(pulled_pan("bus", NoProgress()))) as container:
        for frame in container.decode(video=0):
            picture = frame.to_ndarray(format="bgr24")
            height, width = picture.shape[:2]
            cut_width = min(width, height * size[0] // size[1])
            cut_height = min(height, width * size[1] // size[0])
            top, left = (height - cut_height) // 2, (width - cut_width) // 2
            cut = picture[top : top + cut_height, left : left + cut_width]
            yield np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_CUBIC), np.uint8)
