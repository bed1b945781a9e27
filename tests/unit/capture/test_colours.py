"""Pictures with any colour tags and of any format come out in the right colours."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

from tests.support.encoded_video import decoder, encode, panned, still
from vision.capture.colours import known_matrix, substitution
from vision.capture.reformat import Reformatter
from vision.capture.scale import Scaler
from vision.capture.thumbnail import Thumbnailer
from vision.domain.errors import SourceError
from vision.frames.planar import to_rgb

_COLOUR = (200, 60, 30)
# Luma of it by ITU-R BT.601, and what differs between the matrices.
_LUMA, _MATRIX_LEVELS = 98, 12
_UNKNOWN = (3, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 31, 200)
# Chromaticities of red, green, blue and white by AVColorPrimaries (ITU-T H.273, table 2).
_D65, _C = (0.3127, 0.3290), (0.310, 0.316)
_PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
# Weights of red and blue by AVColorSpace (ITU-T H.273, table 4).
_MATRICES = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 7: (0.212, 0.087)} | {
    9: (0.2627, 0.0593)
}

_FORMATS = [
    "yuv422p",
    "yuv444p",
    "yuv440p",
    "yuv411p",
    "nv12",
    "nv16",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p12le",
    "yuv420p12le",
    "gbrp",
    "gbrp10le",
    "yuva420p",
    "yuva444p10le",
    "p010le",
    "yuvj420p",
    "yuvj422p",
    "yuvj444p",
    "rgb24",
    "bgra",
]
# As x264 names them.
_CODED_MATRICES = [
    "GBR",
    "YCgCo",
    "bt2020nc",
    "bt2020c",
    "fcc",
    "smpte240m",
    "chroma-derived-nc",
    "chroma-derived-c",
    "ICtCp",
    "SMPTE2085",
    "undef",
    "bt709",
]


def plain(pixel_format: str = "yuv420p", size: tuple[int, int] = (128, 96)) -> av.VideoFrame:
    """One colour all over, as a decoder delivers it."""
    picture = np.full((size[1], size[0], 3), _COLOUR, np.uint8)
    return av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pixel_format)


def first(picture: NDArray[np.uint8]) -> list[int]:
    """The colour of the middle pixel."""
    return [int(level) for level in picture[picture.shape[0] // 2, picture.shape[1] // 2]]


@pytest.mark.parametrize("tag", range(32))
def test_no_colour_matrix_is_too_odd(tag: int) -> None:
    """Both conversions work, and stay near the colours that any matrix gives."""
    picture = plain()
    picture.colorspace = tag
    assert np.abs(np.subtract(first(to_rgb(Scaler(64).scale(picture))), _COLOUR)).max() <= 14
    # The grey levels that motion is seen in are those of the luma plane.
    assert abs(int(Thumbnailer().thumbnail(picture)[4, 4]) - _LUMA) <= _MATRIX_LEVELS
    assert picture.colorspace == tag


@pytest.mark.parametrize("tag", [*range(3, 8), 255])
def test_no_colour_range_is_too_odd(tag: int) -> None:
    """What is not defined is read as the usual one."""
    picture = plain()
    picture.color_range = tag
    assert np.abs(np.subtract(first(to_rgb(Scaler(64).scale(picture))), _COLOUR)).max() <= 3
    assert "range" in (substitution(picture) or "")
    full = plain("yuvj420p")
    full.color_range = tag
    assert np.abs(np.subtract(first(to_rgb(Scaler(64).scale(full))), _COLOUR)).max() <= 3


@pytest.mark.parametrize("primaries", _PRIMARIES)
def test_a_matrix_derived_from_the_primaries_is_the_nearest_known(primaries: int) -> None:
    """The weights of red and blue follow from where the primaries and the white are."""
    *colours, white = (np.array([x, y, 1 - x - y]) / y for x, y in _PRIMARIES[primaries])
    weights = np.linalg.solve(np.stack(colours, axis=1), white)
    nearest = min(
        _MATRICES, key=lambda each: np.hypot(*(np.array(_MATRICES[each]) - weights[[0, 2]]))
    )
    for tag in (12, 13):
        picture = plain()
        picture.colorspace, picture.color_primaries = tag, primaries
        assert known_matrix(picture) == nearest


@pytest.mark.parametrize("space", [1, 4, 5, 6, 7, 9])
def test_colours_are_those_of_the_librarys_own_conversion(space: int) -> None:
    """By each matrix that it knows, noise included."""
    noise = np.random.default_rng(3).integers(0, 256, (96, 128, 3), np.uint8)
    smooth = np.repeat(np.repeat(noise[::16, ::16], 16, axis=0), 16, axis=1)
    picture = av.VideoFrame.from_ndarray(smooth, "rgb24").reformat(format="yuv420p")
    picture.colorspace = space
    expected = VideoReformatter().reformat(
        picture, format="rgb24", src_colorspace=Colorspace.ITU601 if space == 6 else space
    )
    ours = to_rgb(Scaler(128).scale(picture))
    # Of one block its middle: edges are a matter of how chroma is spread.
    difference = np.abs(ours[8::16, 8::16].astype(int) - expected.to_ndarray()[8::16, 8::16])
    assert difference.max() <= 8


@pytest.mark.parametrize("pixel_format", _FORMATS)
@pytest.mark.parametrize("size", [(128, 96), (127, 95), (1, 1), (2, 1), (1, 3), (64, 512)])
def test_colours_are_right_in_any_format_and_size(pixel_format: str, size: tuple[int, int]) -> None:
    """More bits, less chroma, alpha, red, green and blue; odd sizes, and a single pixel."""
    image = to_rgb(Scaler(64).scale(plain(pixel_format, size)))
    assert np.abs(image.astype(int) - _COLOUR).max() <= 6


@pytest.mark.parametrize("pixel_format", ["gray", "gray10le", "gray12le"])
def test_a_camera_without_colour_is_grey(pixel_format: str) -> None:
    """Of the brightness that was meant."""
    image = to_rgb(Scaler(64).scale(plain(pixel_format))).astype(int)
    assert np.ptp(image, axis=2).max() <= 4
    assert abs(image.mean() - _LUMA) <= 4


@pytest.mark.parametrize("tag", [None, *_UNKNOWN])
def test_what_is_assumed_is_told(tag: int | None) -> None:
    """By number and name, with the matrix that is used; nothing is told of usual ones."""
    picture = plain()
    if tag is None:
        assert substitution(picture) is None
        return
    picture.colorspace = tag
    assert f"colour matrix {tag} (" in (substitution(picture) or "")


@pytest.mark.parametrize("matrix", _CODED_MATRICES)
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_coded_stream_with_any_matrix_is_converted(codec: str, matrix: str) -> None:
    """As encoders can flag it."""
    if codec == "hevc":
        matrix = {"GBR": "gbr", "YCgCo": "ycgco", "undef": "unknown"}.get(matrix, matrix.lower())
    picture = np.full((96, 128, 3), _COLOUR, np.uint8)
    context = decoder(codec)
    decoded = [
        frame
        for packet in encode(still(2, picture), codec, f"colormatrix={matrix}")
        for frame in context.decode(packet)
    ]
    for frame in decoded + context.decode(None):
        assert np.abs(np.subtract(first(to_rgb(Scaler(64).scale(frame))), _COLOUR)).max() <= 16
        Thumbnailer().thumbnail(frame)


def test_size_format_and_matrix_may_change_in_mid_stream() -> None:
    """One scaler and one thumbnailer serve them all."""
    scaler, thumbnailer = Scaler(64), Thumbnailer()
    for pixel_format in ("yuv420p", "yuv444p10le", "gray", "yuvj420p", "gbrp", "yuv420p"):
        for tag in (2, 8, 1):
            for size in ((128, 96), (64, 48), (64, 200)):
                picture = plain(pixel_format, size)
                if not pixel_format.startswith("gbr"):
                    picture.colorspace = tag
                image = to_rgb(scaler.scale(picture)).astype(int)
                expected = [_LUMA] * 3 if pixel_format == "gray" else _COLOUR
                assert np.abs(image - expected).max() <= 14
                thumbnailer.thumbnail(picture)


@pytest.mark.parametrize("order", ["tff=1", "bff=1"])
def test_an_interlaced_picture_is_scaled_as_a_whole(order: str) -> None:
    """As the same pixels without the mark are: of fields one by one, every line would show twice."""
    context = decoder("h264")
    decoded = [f for packet in encode(panned(3), params=order) for f in context.decode(packet)]
    for picture in decoded + context.decode(None):
        assert picture.interlaced_frame
        progressive = av.VideoFrame.from_ndarray(picture.to_ndarray(), "yuv420p")
        assert np.array_equal(Scaler(64).scale(picture), Scaler(64).scale(progressive))


def test_what_cannot_be_converted_is_an_error_of_ours() -> None:
    """With the format in its text, whatever class the library's error is of."""
    for pixel_format in ("rgb96le", "bgr4"):
        picture = av.VideoFrame(64, 48, pixel_format)
        with pytest.raises(SourceError, match=f"64x48 in {pixel_format} cannot be converted"):
            Reformatter().reformat(picture, (32, 24), "yuv420p")
