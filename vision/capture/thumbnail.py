"""A small grey picture of a frame: cheap to compare, made once and used by all who look."""

from __future__ import annotations

from typing import TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

from vision.capture.reformat import Reformatter
from vision.frames.planar import fit_size

Grey: TypeAlias = NDArray[np.uint8]
"""``uint8`` luma of shape (height, width), full range."""

# A cell of a 1080p picture is then 12 pixels wide: the last digit of a clock in the picture
# still shows, and there are few enough cells to compare with each frame.
_LONG_SIDE = 160


class Thumbnailer:
    """Makes thumbnails; one thread. The kept reformatter touches no chroma."""

    def __init__(self) -> None:
        self._reformatter = Reformatter()

    def thumbnail(self, picture: av.VideoFrame) -> Grey:
        """The picture's luma, each cell the mean of the pixels it stands for.

        Raises:
            SourceError: The media library cannot convert it.
        """
        size = fit_size(picture.width, picture.height, _LONG_SIDE)
        small = self._reformatter.reformat(picture, size, "gray")
        return np.asarray(small.to_ndarray(), np.uint8)
