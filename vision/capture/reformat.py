"""Pictures in another size and format, whatever their tags say."""

from __future__ import annotations

import av
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from vision.capture.colours import known_matrix, known_range
from vision.domain.errors import SourceError, SourceErrorCode
from vision.domain.frame import Image


class Reformatter:
    """Scales and converts pictures; one thread.

    The prepared conversion is kept, and made anew when the size, format or colours of the source
    change.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def reformat(
        self,
        picture: av.VideoFrame,
        size: tuple[int, int],
        pixel_format: str,
        *,
        matrix: Colorspace | None = None,
        levels: ColorRange | None = None,
    ) -> av.VideoFrame:
        """``picture`` in ``size`` (width, height in pixels) and ``pixel_format``.

        Its matrix and the range of its levels become those given, else they stay.

        Raises:
            SourceError: The media library cannot convert it.
        """
        width, height = size
        # None is for the tag of the picture itself.
        space, reach = known_matrix(picture), known_range(picture)
        source = None if space == picture.colorspace else space
        source_levels = None if reach == picture.color_range else reach
        try:
            return self._reformatter.reformat(
                _as_progressive(picture) if picture.interlaced_frame else picture,
                width=width,
                height=height,
                format=pixel_format,
                src_colorspace=source,
                src_color_range=source_levels,
                dst_colorspace=source if matrix is None else matrix,
                dst_color_range=source_levels if levels is None else levels,
                # The mean of the pixels that become one: faster here than bilinear, and truer.
                interpolation=Interpolation.AREA,
                threads=1,
            )
        except Exception as error:  # noqa: BLE001  one picture is lost, of whatever class the error
            reason = getattr(error, "strerror", None) or type(error).__name__
        # Outside of the handler: what the library says may name the camera's URL.
        raise SourceError(
            SourceErrorCode.DECODE,
            f"pictures of {picture.width}x{picture.height} in {picture.format.name} cannot be "
            f"converted ({reason})",
        )


def _as_progressive(picture: av.VideoFrame) -> av.VideoFrame:
    """A copy without the mark of an interlaced one, which no setter takes off.

    Of a marked one libswscale scales each field by itself: half of the lines, and twice.
    """
    copy = av.VideoFrame(picture.width, picture.height, picture.format.name)
    copy.colorspace, copy.color_range = picture.colorspace, picture.color_range
    for source, target in zip(picture.planes, copy.planes, strict=True):
        width = min(source.line_size, target.line_size)
        _rows(target)[:, :width] = _rows(source)[:, :width]
    return copy


def _rows(plane: VideoPlane) -> Image:
    return np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
