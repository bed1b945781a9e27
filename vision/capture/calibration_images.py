"""Pictures from files and cameras, scaled as frames are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import av

from vision.capture.address import RtspAddress
from vision.capture.rtsp import RtspSession
from vision.capture.scale import Scaler
from vision.domain.errors import ConfigError, SourceError, SourceErrorCode
from vision.domain.frame import Image

_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


def calibration_images(path: Path, long_side: int, limit: int) -> Iterator[Image]:
    """Up to ``limit`` pictures, evenly spread over a folder of pictures or over a clip.

    Args:
        path: A folder, of which the pictures themselves are used, or one picture or clip.
        long_side: Of the pictures that come out, in pixels.
        limit: Most pictures.

    Raises:
        ConfigError: There is no such file, no picture in it, or it cannot be decoded.
    """
    if not path.is_dir():
        yield from _frames(path, long_side, limit)
        return
    found = sorted(item for item in path.iterdir() if item.suffix.lower() in _PICTURES)
    if not found:
        raise ConfigError(f"{path}: holds no pictures ({', '.join(sorted(_PICTURES))})")
    for item in found[:: -(-len(found) // limit)]:
        yield from _frames(item, long_side, 1)


def recorded(
    address: RtspAddress, long_side: int, limit: int, duration_s: float
) -> Iterator[Image]:
    """Up to ``limit`` frames of a camera, evenly spread over ``duration_s``.

    Raises:
        SourceError: It cannot be opened or delivers nothing that decodes.
    """
    scaler, is_empty = Scaler(long_side), True
    with RtspSession(address) as session:
        started_s = due_s = time.monotonic()
        # A camera may send for ever what no picture comes of.
        for decoded in session.frames(lambda: time.monotonic() - started_s > duration_s):
            now_s = time.monotonic()
            if now_s >= due_s:
                due_s += duration_s / limit
                is_empty = False
                yield scaler.scale(decoded.picture)
    if is_empty:
        raise SourceError(SourceErrorCode.DECODE, f"no picture came within {duration_s:g} s")


def _frames(path: Path, long_side: int, limit: int) -> Iterator[Image]:
    scaler = Scaler(long_side)
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ConfigError(f"{path}: holds no pictures")
            step = max(1, container.streams.video[0].frames // limit)
            for number, frame in enumerate(container.decode(video=0)):
                if number >= step * limit:
                    return
                if number % step == 0:
                    yield scaler.scale(frame)
    except SourceError as error:
        raise ConfigError(f"{path}: {error.reason}") from None
    except (av.FFmpegError, OSError) as error:
        raise ConfigError(
            f"{path}: cannot be read as a picture or clip: {error.strerror or 'not one'}"
        ) from None
