"""Decoded picture to model scale, in one libswscale pass and without making RGB of it."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from vision.domain.frame import Image
from vision.frames.fit import fit_size


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
        scaled = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="yuv420p",
            # One matrix for all; sources without a tag are taken to be of it, as FFmpeg does.
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
            # The mean of the pixels that become one: faster here than bilinear, and truer.
            interpolation=Interpolation.AREA,
            threads=1,
        )
        return np.asarray(scaled.to_ndarray(), np.uint8)
