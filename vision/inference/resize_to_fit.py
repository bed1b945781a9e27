"""Pictures whose sender did not know what size the model takes."""

from __future__ import annotations

import cv2
import numpy as np

from vision.domain.errors import InferenceError
from vision.domain.frame import Image
from vision.frames.planar import from_rgb, size_of, to_rgb


def resize_to_fit(picture: Image, canvas: tuple[int, int]) -> Image:
    """The picture as large as a canvas of (height, width) allows; mostly it comes so.

    Raises:
        InferenceError: It has no pixels.
    """
    height, width = size_of(picture)
    if not (height and width):
        raise InferenceError(f"a picture of {width}x{height} shows nothing")
    if max(height, width) == max(canvas) and height <= canvas[0] and width <= canvas[1]:
        return picture
    scale = min(canvas[0] / height, canvas[1] / width)
    # Even, as colour has half the resolution of brightness.
    size = 2 * max(1, int(width * scale / 2)), 2 * max(1, int(height * scale / 2))
    resized = cv2.resize(
        to_rgb(picture), size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    return from_rgb(np.asarray(resized, np.uint8))
