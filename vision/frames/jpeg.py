"""JPEG images of frames."""

from __future__ import annotations

import cv2

from vision.domain.frame import RgbImage

_QUALITY = 82


def encode_jpeg(image: RgbImage) -> bytes:
    """Encode an RGB image of shape (height, width, 3).

    Raises:
        ValueError: OpenCV cannot encode an image of this shape.
    """
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    if not done:
        raise ValueError(f"OpenCV cannot encode an image of shape {image.shape} as JPEG")
    return data.tobytes()
