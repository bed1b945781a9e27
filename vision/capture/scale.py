"""Decoded picture to model scale and RGB, in one libswscale pass."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

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
        """RGB picture of shape (height, width, 3); a view that lives as long as the result."""
        width, height = fit_size(frame.width, frame.height, self._long_side)
        scaled = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            interpolation=Interpolation.FAST_BILINEAR,
            threads=1,
        )
        plane = scaled.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(height, plane.line_size)
        image: Image = rows[:, : width * 3].reshape(height, width, 3)
        return image
