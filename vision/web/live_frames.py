"""JPEG pictures of inferred frames, with or without their boxes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import cv2
import numpy as np
import orjson
from starlette.concurrency import run_in_threadpool

from vision.domain.frame import RgbImage
from vision.frames.jpeg import encode_jpeg
from vision.frames.planar import to_rgb
from vision.web.colours import INK, colour_of
from vision.web.feed import LiveFrame

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE = 0.45


class NotAnImageError(Exception):
    """A picture is none: whoever sent it, sent something else."""


class LiveFrameEncoder:
    """Encodes pictures off the event loop, one at a time and each once.

    One at a time: the page may take a share of one core from the inference, not all of them.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self.encoded = 0
        """How many pictures were encoded."""

    async def jpeg(self, picture: LiveFrame) -> bytes:
        """The picture as it was inferred; what came encoded is passed on as it came."""
        if picture.jpeg is None:
            async with self._lock:
                # Another viewer may have had the turn before.
                if picture.jpeg is None:
                    picture.jpeg = await self._encode(lambda: pixels_of(picture))
        return picture.jpeg

    async def jpeg_with_boxes(self, picture: LiveFrame) -> bytes:
        """The picture with its detections drawn into it.

        Raises:
            PictureError: It came encoded, and cannot be decoded.
        """
        async with self._lock:
            return await self._encode(lambda: draw_boxes(pixels_of(picture), picture.payload))

    async def _encode(self, image: Callable[[], RgbImage]) -> bytes:
        self.encoded += 1
        return await run_in_threadpool(lambda: encode_jpeg(image()))


def pixels_of(picture: LiveFrame) -> RgbImage:
    """The pixels of a picture, however it came.

    Raises:
        PictureError: It came encoded, and cannot be decoded.
    """
    if picture.image is not None:
        return to_rgb(picture.image)
    try:
        decoded = cv2.imdecode(np.frombuffer(picture.jpeg or b"", np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        # Nothing at all, or one that claims to be larger than OpenCV takes.
        decoded = None
    if decoded is None:
        raise NotAnImageError(f"the picture {picture.frame_id} of {picture.camera} is no JPEG")
    return np.asarray(decoded, np.uint8)


def draw_boxes(image: RgbImage, payload: bytes) -> RgbImage:
    """A copy of the picture with the message's boxes, labels and confidences."""
    canvas = image.copy()
    height, width = canvas.shape[:2]
    # The least confident first, so that the surest box lies on top.
    for seen in reversed(orjson.loads(payload)["detections"]):
        left, top, right, bottom = (
            np.multiply(seen["box"], (width, height, width, height)).round().astype(int).tolist()
        )
        colour = colour_of(seen["label"])
        cv2.rectangle(canvas, (left, top), (right, bottom), colour, 2, cv2.LINE_AA)
        text = f"{seen['label']} {seen['confidence']:.0%}"
        (text_width, text_height), _ = cv2.getTextSize(text, _FONT, _FONT_SCALE, 1)
        base = max(top, text_height + 6)
        left = max(0, min(left, width - text_width - 6))
        cv2.rectangle(
            canvas,
            (left, base - text_height - 6),
            (left + text_width + 6, base),
            colour,
            cv2.FILLED,
        )
        cv2.putText(canvas, text, (left + 3, base - 4), _FONT, _FONT_SCALE, INK, 1, cv2.LINE_AA)
    return canvas
