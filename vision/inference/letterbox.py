"""Placing a picture in the network's input, and finding its boxes again in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.domain.errors import InferenceError
from vision.domain.frame import Image, RgbImage
from vision.frames.planar import to_rgb

STRIDE = 32
"""The coarsest grid of YOLOv8: sides of the input are multiples of it."""
PAD_VALUE = 114
"""The grey around pictures in the training of YOLOv8."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """A picture of ``width`` x ``height`` pixels at ``left``, ``top`` of the input."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def centred(cls, picture: tuple[int, int], canvas: tuple[int, int]) -> Letterbox:
        """A picture in the middle of the canvas; sizes are (height, width) in pixels.

        Raises:
            InferenceError: The picture is larger than the canvas.
        """
        height, width = picture
        if not (0 < height <= canvas[0] and 0 < width <= canvas[1]):
            raise InferenceError(
                f"a picture of {width}x{height} does not fit the model's input of "
                f"{canvas[1]}x{canvas[0]}"
            )
        return cls((canvas[1] - width) // 2, (canvas[0] - height) // 2, width, height)

    def fill(self, canvas: RgbImage, picture: Image) -> None:
        """Write the picture, in colour, and the grey around it into ``canvas``."""
        self.pad(canvas)
        self.draw(canvas, picture)

    def pad(self, canvas: RgbImage) -> None:
        """Write the grey around the picture into ``canvas``; it stays when others are drawn."""
        right, bottom = self.left + self.width, self.top + self.height
        canvas[: self.top] = PAD_VALUE
        canvas[bottom:] = PAD_VALUE
        canvas[self.top : bottom, : self.left] = PAD_VALUE
        canvas[self.top : bottom, right:] = PAD_VALUE

    def draw(self, canvas: RgbImage, picture: Image) -> None:
        """Write the picture, in colour, into ``canvas``."""
        right, bottom = self.left + self.width, self.top + self.height
        # Straight into the engine's memory: no copy in between.
        to_rgb(picture, canvas[self.top : bottom, self.left : right])

    def to_shares(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (N, 4) in pixels of the input as shares of the picture, clipped to 0 to 1."""
        origin = np.array([self.left, self.top, self.left, self.top], np.float32)
        extent = np.array([self.width, self.height, self.width, self.height], np.float32)
        shares: NDArray[np.float32] = np.clip((xyxy - origin) / extent, 0, 1, dtype=np.float32)
        return shares


def tight_canvas(picture: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the smallest input that holds a picture of (height, width)."""
    height, width = picture
    return -(-height // STRIDE) * STRIDE, -(-width // STRIDE) * STRIDE
