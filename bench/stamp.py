"""A number burned into a picture's corner, which survives compression.

Sixteen blocks in a row, black for 0 and white for 1, least bit first: twelve bits of the
number and four that check them. Of the project's code it needs nothing, so that programs in
other environments can read it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBERS = 1 << 12
_BITS = 16
_BLOCK_PX = 8
_BLACK, _WHITE = 16, 235
_THRESHOLD = 126
# Any odd factor: what it makes of neighbouring numbers differs in the bits that are kept.
_FACTOR = 0x9E37


def burn(picture: NDArray[np.uint8], number: int) -> None:
    """Write ``number`` into the upper left corner of (height, width) or (height, width, 3)."""
    if not 0 <= number < NUMBERS:
        raise ValueError(f"{number} is not from 0 to {NUMBERS - 1}")
    bits = (_coded(number) >> np.arange(_BITS)) & 1
    row = np.repeat(np.where(bits, _WHITE, _BLACK).astype(np.uint8), _BLOCK_PX)
    strip: Any = picture[:_BLOCK_PX, : len(row)]
    strip[...] = row if picture.ndim == 2 else row[:, None]  # noqa: PLR2004  rows and columns


def read(picture: NDArray[np.uint8]) -> int | None:
    """The number in the corner of a picture of the size it was burned at, None if none is."""
    if picture.shape[0] < _BLOCK_PX or picture.shape[1] < _BITS * _BLOCK_PX:
        return None
    strip = picture[:_BLOCK_PX, : _BITS * _BLOCK_PX].astype(np.float32)
    # The middle of each block: its edges are blurred.
    blocks = strip.reshape(_BLOCK_PX, _BITS, _BLOCK_PX, -1)[2:-2, :, 2:-2].mean(axis=(0, 2, 3))
    coded = int(sum(1 << bit for bit, level in enumerate(blocks) if level > _THRESHOLD))
    number = coded % NUMBERS
    return number if _coded(number) == coded else None


def _coded(number: int) -> int:
    # Never all black or all white: a plain corner is no number.
    check = ((number + 1) * _FACTOR >> 9) & 0xF
    return number | check << 12
