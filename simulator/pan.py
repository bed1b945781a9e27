"""A clip out of a photograph: a slow pan across it, as a moving camera would see it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vision.models.catalogue import load_catalogue
from vision.models.folders import Folders
from vision.models.progress import TransferProgress
from vision.models.pull import pull_clip

_SIZE = (640, 480)
_FPS = 10
_SECONDS = 20


def pulled_pan(photograph: str, progress: TransferProgress) -> Path:
    """The pan across a photograph of the catalogue, pulled and encoded if it is not there.

    Raises:
        ArtefactError: The photograph cannot be had.
    """
    picture = pull_clip(load_catalogue().clips[photograph], Folders.of(None), progress)
    pan = picture.with_name(f"{photograph}-pan.mp4")
    if not pan.exists():
        encode_pan(picture, pan)
    return pan


def encode_pan(photograph: Path, clip: Path) -> None:
    """Encode a pan across ``photograph`` into ``clip``, H.264 of 640x480 at 10 fps.

    The window, the largest of that shape, travels across and back once in 20 s, so the clip
    loops without a jump. The file appears when it is complete, never before.
    """
    part = clip.with_name(f".{clip.name}.{os.getpid()}.mp4")
    try:
        with av.open(str(part), "w", options={"movflags": "+faststart"}) as container:
            # Without B-frames and lookahead, as cameras encode.
            options = {"preset": "veryfast", "tune": "zerolatency", "crf": "23"}
            stream = container.add_stream("libx264", _FPS, options)
            stream.width, stream.height = _SIZE
            stream.pix_fmt = "yuv420p"
            stream.codec_context.gop_size = _FPS
            for number, view in enumerate(_views(photograph)):
                frame = av.VideoFrame.from_ndarray(view, "bgr24")
                frame.pts, frame.time_base = number, Fraction(1, _FPS)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        part.replace(clip)
    finally:
        part.unlink(missing_ok=True)


def _views(photograph: Path) -> Iterator[NDArray[np.uint8]]:
    picture = cv2.imread(str(photograph))
    if picture is None:
        raise ValueError(f"{photograph} is no picture")
    height, width = picture.shape[:2]
    window = min(width, height * _SIZE[0] // _SIZE[1]), min(height, width * _SIZE[1] // _SIZE[0])
    for number in range(_FPS * _SECONDS):
        swing = (1 - math.cos(2 * math.pi * number / (_FPS * _SECONDS))) / 2
        # Positions between pixels: a pan in whole ones would tremble.
        centre = (
            window[0] / 2 - 0.5 + swing * (width - window[0]),
            window[1] / 2 - 0.5 + swing * (height - window[1]),
        )
        view = cv2.getRectSubPix(picture, window, centre)
        yield cast("NDArray[np.uint8]", cv2.resize(view, _SIZE, interpolation=cv2.INTER_AREA))
