"""A small grey picture of a frame: cheap to compare, made once and used by all who look."""

from __future__ import annotations

from typing import TypeAlias

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from vision.frames.fit import fit_size

Grey: TypeAlias = NDArray[np.uint8]
"""``uint8`` luma of shape (height, width), full range."""

# A cell of a 1080p picture is then 12 pixels wide: the last digit of a clock in the picture
# still shows, and there are few enough cells to compare with each frame.
_LONG_SIDE = 160


class Thumbnailer:
    """Makes thumbnails; one thread. The kept reformatter touches no chroma."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def thumbnail(self, picture: av.VideoFrame) -> Grey:
        """The picture's luma, each cell the mean of the pixels it stands for."""
        width, height = fit_size(picture.width, picture.height, _LONG_SIDE)
        small = self._reformatter.reformat(
            picture,
            width=width,
            height=height,
            format="gray",
            interpolation=Interpolation.AREA,
            threads=1,
        )
        return np.asarray(small.to_ndarray(), np.uint8)
