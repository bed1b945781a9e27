"""Planar YUV holds the picture, in half the bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.frames.planar import from_rgb, size_of, to_rgb

_EVEN = st.integers(1, 40).map(lambda half: 2 * half)


@given(_EVEN, _EVEN, st.tuples(*[st.integers(0, 255)] * 3))
def test_a_plain_picture_comes_back(height: int, width: int, colour: tuple[int, int, int]) -> None:
    """Of any even size and, to a few of 255 levels, in any colour."""
    picture = np.full((height, width, 3), colour, np.uint8)
    planar = from_rgb(picture)
    assert planar.nbytes * 2 == picture.nbytes
    assert size_of(planar) == (height, width)
    assert np.abs(to_rgb(planar).astype(int) - picture).max() <= 4


@pytest.mark.parametrize("left", [0, 3])
def test_a_picture_is_written_into_a_part_of_a_larger_one(left: int) -> None:
    """Without a copy in between, and without touching what lies around it."""
    canvas = np.full((20, 40, 3), 9, np.uint8)
    part = canvas[2:14, left : left + 16]
    to_rgb(from_rgb(np.full((12, 16, 3), 255, np.uint8)), part)
    assert (part == 255).all()
    part[:] = 9
    assert (canvas == 9).all()
