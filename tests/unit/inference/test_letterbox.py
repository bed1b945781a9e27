"""The picture in the network's input, and its boxes back in the picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.domain.errors import InferenceError
from vision.frames.planar import fit_size, from_rgb
from vision.inference.letterbox import PAD_VALUE, STRIDE, Letterbox, tight_canvas

_SIDES = st.integers(16, 4096)
_LONG_SIDES = st.sampled_from([320, 640, 1280])
_SHARES = st.tuples(*[st.floats(0, 1)] * 4)


@given(_SIDES, _SIDES, _LONG_SIDES, _SHARES, st.booleans())
def test_a_box_finds_its_way_back(
    width: int,
    height: int,
    long_side: int,
    corners: tuple[float, float, float, float],
    square: bool,  # noqa: FBT001  drawn by hypothesis
) -> None:
    """Source to input by hand, then back: the same shares, for any size and canvas."""
    fit_width, fit_height = fit_size(width, height, long_side)
    picture = (fit_height, fit_width)
    canvas = (long_side, long_side) if square else tight_canvas(picture)
    letterbox = Letterbox.centred(picture, canvas)
    left, right = sorted(corners[::2])
    top, bottom = sorted(corners[1::2])
    shares = np.array([[left, top, right, bottom]], np.float32)
    pixels = np.array(
        [
            [
                letterbox.left + left * fit_width,
                letterbox.top + top * fit_height,
                letterbox.left + right * fit_width,
                letterbox.top + bottom * fit_height,
            ]
        ],
        np.float32,
    )
    back = letterbox.to_shares(pixels)
    assert back.dtype == np.float32
    # A float32 pixel coordinate is exact to 2**-13 at 1280; a side may be one pixel only.
    assert np.abs(back - shares).max() <= 2.0**-12 / min(picture)


@given(_SIDES, _SIDES, _LONG_SIDES)
def test_the_tight_input_is_the_smallest_on_the_grid(
    width: int, height: int, long_side: int
) -> None:
    """Multiples of the stride, less than one stride of padding, the long side exactly."""
    fit_width, fit_height = fit_size(width, height, long_side)
    assert max(fit_width, fit_height) == long_side
    canvas_height, canvas_width = tight_canvas((fit_height, fit_width))
    assert canvas_height % STRIDE == canvas_width % STRIDE == 0
    assert 0 <= canvas_height - fit_height < STRIDE
    assert 0 <= canvas_width - fit_width < STRIDE


@pytest.mark.parametrize(
    ("source", "canvas"),
    [((1920, 1080), (384, 640)), ((640, 480), (480, 640)), ((480, 640), (640, 480))],
)
def test_common_cameras_get_the_inputs_one_expects(
    source: tuple[int, int], canvas: tuple[int, int]
) -> None:
    """16:9, 4:3 and portrait at 640."""
    width, height = fit_size(*source, 640)
    assert tight_canvas((height, width)) == canvas


_EVEN = st.integers(1, 32).map(lambda half: 2 * half)


@given(_EVEN, _EVEN, st.integers(0, 9), st.integers(0, 9))
def test_the_picture_is_surrounded_by_grey(
    width: int, height: int, more_width: int, more_height: int
) -> None:
    """Whatever was in the input before: it is used again and again."""
    canvas = np.random.default_rng(1).integers(
        0, 255, (height + more_height, width + more_width, 3), np.uint8
    )
    white = np.full((height, width, 3), 255, np.uint8)
    letterbox = Letterbox.centred((height, width), (height + more_height, width + more_width))
    letterbox.fill(canvas, from_rgb(white))
    inside = canvas[letterbox.top :, letterbox.left :][:height, :width]
    assert (inside == white).all()
    inside[:] = PAD_VALUE
    assert (canvas == PAD_VALUE).all()


def test_boxes_in_the_grey_are_clipped() -> None:
    """Nothing leaves inference that is outside the picture."""
    shares = Letterbox(0, 12, 640, 360).to_shares(np.array([[-5, 0, 700, 384]], np.float32))
    assert shares.tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize("picture", [(385, 640), (384, 641), (0, 640)])
def test_a_picture_that_does_not_fit_is_refused(picture: tuple[int, int]) -> None:
    """It was scaled for another model."""
    with pytest.raises(InferenceError, match="does not fit"):
        Letterbox.centred(picture, (384, 640))
