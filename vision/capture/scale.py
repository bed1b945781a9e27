"""Decoded picture to model scale, in one libswscale pass and without making RGB of it."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from vision.domain.frame import Image
from vision.frames.fit import fit_size

_FORMAT = "yuv420p"
# AVColorSpace and AVColorRange of libavutil: what is not tagged is taken to be of BT.601 in
# studio range, as FFmpeg does, and 5 and 6 are BT.601 by other names.
_UNTAGGED_SPACE, _BT470BG, _SMPTE170M = 2, 5, 6
_UNTAGGED_RANGE, _STUDIO = 0, 1


class Scaler:
    """Scales frames to fit a square, aspect ratio kept; one thread.

    The reformatter is kept: it holds the prepared conversion, and makes a new one by
    itself when the size or format of the source changes.
    """

    def __init__(self, long_side: int) -> None:
        self._long_side = long_side
        self._reformatter = VideoReformatter()

    def scale(self, frame: av.VideoFrame) -> Image:
        """The picture as planar YUV; the engine's input is where colours are made of it."""
        width, height = fit_size(frame.width, frame.height, self._long_side)
        if not _is_right(frame, width, height):
            frame = self._reformatter.reformat(
                frame,
                width=width,
                height=height,
                format=_FORMAT,
                # One matrix for all.
                dst_colorspace=Colorspace.ITU601,
                dst_color_range=ColorRange.MPEG,
                # The mean of the pixels that become one: faster here than bilinear, and truer.
                interpolation=Interpolation.AREA,
                threads=1,
            )
        return _planes_of(frame)


def _is_right(frame: av.VideoFrame, width: int, height: int) -> bool:
    """Whether there is nothing to convert: a small stream of a camera without odd tags."""
    return (
        frame.format.name == _FORMAT
        and (frame.width, frame.height) == (width, height)
        and frame.colorspace in (_UNTAGGED_SPACE, _BT470BG, _SMPTE170M)
        and frame.color_range in (_UNTAGGED_RANGE, _STUDIO)
    )


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
