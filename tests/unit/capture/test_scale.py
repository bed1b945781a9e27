"""Decoded pictures of any size and range become planar YUV that fits."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from vision.capture.scale import Scaler
from vision.frames.planar import size_of, to_rgb


def decoded(width: int, height: int, level: int, pixel_format: str) -> av.VideoFrame:
    """A grey picture as a decoder delivers it."""
    grey = np.full((height, width, 3), level, np.uint8)
    return av.VideoFrame.from_ndarray(grey, "rgb24").reformat(format=pixel_format)


@pytest.mark.parametrize(
    ("source", "expected"),
    [((1920, 1080), (360, 640)), ((810, 1080), (640, 480)), ((176, 144), (524, 640))],
)
def test_the_picture_fits(source: tuple[int, int], expected: tuple[int, int]) -> None:
    """Its long side is the model's, its shape the source's."""
    assert size_of(Scaler(640).scale(decoded(*source, 128, "yuv420p"))) == expected


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv422p", "yuvj444p"])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_brightness_is_kept_whatever_range_the_camera_uses(pixel_format: str, level: int) -> None:
    """White of a full-range camera is white, and not beyond it."""
    image = to_rgb(Scaler(64).scale(decoded(128, 96, level, pixel_format)))
    assert np.abs(image.astype(int) - level).max() <= 3


def test_the_source_may_change_its_size() -> None:
    """One scaler serves a camera that is set to another resolution in mid-stream."""
    scaler = Scaler(64)
    sizes = [size_of(scaler.scale(decoded(*size, 9, "yuv420p"))) for size in ((128, 96), (96, 128))]
    assert sizes == [(48, 64), (64, 48)]


def test_colours_of_a_high_definition_camera_are_kept() -> None:
    """A source tagged BT.709 is not read as BT.601."""
    colour = np.full((96, 128, 3), (200, 60, 30), np.uint8)
    frame = av.VideoFrame.from_ndarray(colour, "rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709
    )
    frame.colorspace = Colorspace.ITU709
    image = to_rgb(Scaler(64).scale(frame))
    assert np.abs(image.astype(int) - (200, 60, 30)).max() <= 4


@pytest.mark.parametrize("size", [(640, 360), (640, 482), (362, 640)])
def test_a_picture_that_fits_already_is_copied_as_it_is(size: tuple[int, int]) -> None:
    """Plane by plane, whatever stands behind the end of a line."""
    noise = np.random.default_rng(1).integers(0, 256, (size[1] * 3 // 2, size[0]), np.uint8)
    frame = av.VideoFrame.from_ndarray(noise, "yuv420p")
    assert np.array_equal(Scaler(640).scale(frame), noise)


def test_the_picture_is_a_copy() -> None:
    """Decoders use their memory again."""
    frame = decoded(64, 48, 100, "yuv420p")
    image = Scaler(64).scale(frame)
    before = image.copy()
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    assert np.array_equal(image, before)


def test_the_planes_of_a_scaled_picture_are_as_the_library_puts_them() -> None:
    """In an array of its own."""
    noise = np.random.default_rng(2).integers(0, 256, (96 * 3 // 2, 128), np.uint8)
    frame = av.VideoFrame.from_ndarray(noise, "yuv420p")
    expected = VideoReformatter().reformat(
        frame, width=64, height=48, format="yuv420p", interpolation=Interpolation.AREA
    )
    assert np.array_equal(Scaler(64).scale(frame), expected.to_ndarray())
