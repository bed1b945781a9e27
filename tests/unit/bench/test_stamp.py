"""Numbers burned into pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench import stamp

NUMBERS = st.integers(0, stamp.NUMBERS - 1)


def noisy(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """A picture without any order in it."""
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@given(NUMBERS)
def test_a_number_is_read_as_it_was_burned(number: int) -> None:
    """Every number comes back, from grey and from colour."""
    for shape in ((72, 160), (72, 160, 3)):
        picture = noisy(shape)
        stamp.burn(picture, number)
        assert stamp.read(picture) == number


@given(NUMBERS, st.integers(0, 2**32 - 1))
def test_noise_does_not_hurt_it(number: int, seed: int) -> None:
    """A camera's noise and a wrong brightness leave the number readable."""
    picture = noisy((72, 160))
    stamp.burn(picture, number)
    noise = np.random.default_rng(seed).normal(15, 20, picture.shape)
    assert stamp.read(np.clip(picture + noise, 0, 255).astype(np.uint8)) == number


@pytest.mark.parametrize("level", [0, 16, 114, 128, 235, 255])
def test_a_plain_corner_holds_no_number(level: int) -> None:
    """A black, grey or white picture, as a peer makes of a lost frame, is not taken for one."""
    assert stamp.read(np.full((72, 160, 3), level, np.uint8)) is None


def test_a_picture_too_small_holds_no_number() -> None:
    """What cannot hold the blocks is not read."""
    assert stamp.read(np.zeros((4, 160), np.uint8)) is None
    assert stamp.read(np.zeros((72, 100), np.uint8)) is None


def test_a_number_too_large_is_refused() -> None:
    """A number that does not fit is never burned as another one."""
    with pytest.raises(ValueError, match="4096"):
        stamp.burn(noisy((72, 160)), stamp.NUMBERS)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_number_survives_compression(codec: str, tmp_path: Path) -> None:
    """Encoded as cameras do and decoded, each frame still tells its number."""
    path = tmp_path / "clip.mp4"
    numbers = [0, 1, 255, 256, 1000, 4095]
    options = {"preset": "ultrafast", "crf": "30", "x265-params": "log-level=none"}
    if codec == "libx264":
        del options["x265-params"]
    with av.open(str(path), "w") as container:
        stream = cast("VideoStream", container.add_stream(codec, 10, options))
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for place, number in enumerate(numbers):
            picture = np.roll(noisy((180, 320, 3)), place * 3, axis=1)
            stamp.burn(picture, number)
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = place, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        decoded = [
            np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            for frame in container.decode(video=0)
        ]
    assert [stamp.read(picture) for picture in decoded] == numbers
