"""Decoded picture to model scale, in one libswscale pass and without making RGB of it."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from vision.capture.colours import is_plain
from vision.capture.reformat import Reformatter
from vision.domain.frame import Image
from vision.frames.planar import fit_size

_FORMAT = "yuv420p"


class Scaler:
    """Scales frames to fit a square, aspect ratio kept; one thread."""

    def __init__(self, long_side: int) -> None:
        self._long_side = long_side
        self._reformatter = Reformatter()

    def scale(self, frame: av.VideoFrame) -> Image:
        """The picture as planar YUV; the engine's input is where colours are made of it.

        Raises:
            SourceError: The media library cannot convert it.
        """
        size = fit_size(frame.width, frame.height, self._long_side)
        if not _is_right(frame, size):
            # One matrix for all.
            frame = self._reformatter.reformat(
                frame, size, _FORMAT, matrix=Colorspace.ITU601, levels=ColorRange.MPEG
            )
        return _planes_of(frame)


def _is_right(frame: av.VideoFrame, size: tuple[int, int]) -> bool:
    """Whether there is nothing to convert: a small stream of a camera without odd tags."""
    return frame.format.name == _FORMAT and (frame.width, frame.height) == size and is_plain(frame)


def _planes_of(frame: av.VideoFrame) -> Image:
    """The planes one after the other; ``to_ndarray`` takes six times as long."""
    width, height = frame.width, frame.height
    image = np.empty((height * 3 // 2, width), np.uint8)
    luma, *chroma = frame.planes
    image[:height] = _pixels(luma, width)
    # Two rows of a chroma plane are one of the image.
    rest = image[height:].reshape(2, height // 2, width // 2)
    for out, plane in zip(rest, chroma, strict=True):
        out[:] = _pixels(plane, width // 2)
    return image


def _pixels(plane: av.video.plane.VideoPlane, width: int) -> Image:
    """Its rows without the padding behind them."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[
        :, :width
    ]
