"""Pictures as planar YUV 4:2:0: what decoders deliver, in half the bytes of RGB.

An array of (3 * height / 2, width): the luma plane, then both chroma planes at half the size
in each direction, one after the other (FourCC I420), by ITU-R BT.601 in studio range. Width
and height are even.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.domain.frame import Image, RgbImage


def fit_size(width: int, height: int, long_side: int) -> tuple[int, int]:
    """Width and height, in pixels, of a picture scaled to have ``long_side``.

    The aspect ratio is kept to the nearest even number of pixels, since colour has half the
    resolution of brightness; smaller pictures are enlarged, as the model was trained on
    pictures of that scale. ``long_side`` is even. No side becomes less than two pixels.
    """
    scale = long_side / max(width, height)
    return _even(width * scale), _even(height * scale)


def _even(side: float) -> int:
    return max(2, 2 * round(side / 2))


def size_of(image: Image) -> tuple[int, int]:
    """Height and width of the picture in pixels."""
    rows, width = image.shape
    return rows * 2 // 3, width


def to_rgb(image: Image, out: RgbImage | None = None) -> RgbImage:
    """The picture as (height, width, 3); written into ``out``, which may be part of a larger one."""
    return _array(cv2.cvtColor(image, cv2.COLOR_YUV2RGB_I420, dst=out))


def from_rgb(picture: RgbImage) -> Image:
    """A picture of (height, width, 3), both even, as planar YUV."""
    return _array(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420))


def _array(converted: object) -> NDArray[np.uint8]:
    return np.asarray(converted, np.uint8)
