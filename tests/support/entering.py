"""A still scene with a sensor's noise, which somebody of a photograph walks through at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import av
import cv2
import numpy as np

from bench.gate_streams import write_stream
from vision.domain.frame import RgbImage
from vision.models.catalogue import load_catalogue
from vision.models.folders import Folders
from vision.models.progress import NoProgress
from vision.models.pull import pull_clip

FPS = 10
WIDTH, HEIGHT = 640, 360
NOISE_LEVELS = 1.5
CONSTANT_RATE = {"b": "400k", "maxrate": "400k", "minrate": "400k", "bufsize": "400k"}
# In the photograph, pixels: a part of the street, and somebody in front of it.
_STREET = (slice(0, 455), slice(0, 810))
_PERSON = (slice(400, 900), slice(60, 240))
_PERSON_HEIGHT = 120
_STEP_PX = 8


def make_entering(
    path: Path,
    codec: str = "h264",
    *,
    still_s: float,
    walking_s: float = 3.0,
    bframes: int = 0,
    group_s: float = 1.0,
    rate: Mapping[str, str] | None = None,
) -> Path:
    """Encode ``still_s`` seconds of an empty street, and then a walk from its left edge on."""
    options = dict(rate or {"crf": "28"})
    # An encoder begins with other packets than it goes on with, and a camera begins once.
    left_out = 0 if bframes else round(group_s * FPS)
    if bframes:
        options |= {"preset": "veryfast", "bf": str(bframes)}
    else:
        options["tune"] = "zerolatency"
    write_stream(
        path,
        _frames(round(still_s * FPS) + left_out, round(walking_s * FPS)),
        codec=codec,
        fps=FPS,
        group=round(group_s * FPS),
        options=options,
        left_out=left_out,
    )
    return path


def _frames(still: int, walking: int) -> Iterator[av.VideoFrame]:
    random = np.random.default_rng(1)
    street, person = _cut_out()
    fields = [np.rint(random.normal(0, NOISE_LEVELS, street.shape[:2])) for _ in range(8)]
    height, width = person.shape[:2]
    for number in range(still + walking):
        picture = street.astype(np.int16)
        right = (number - still + 1) * _STEP_PX
        if right > 0:
            left = max(0, right - width)
            picture[-height - 20 : -20, left:right] = person[:, width - (right - left) :]
        # The same noise twice would be none to an encoder.
        shift = int(random.integers(HEIGHT)), int(random.integers(WIDTH))
        picture += np.roll(fields[number % len(fields)], shift, (0, 1)).astype(np.int16)[..., None]
        yield av.VideoFrame.from_ndarray(np.clip(picture, 0, 255).astype(np.uint8), "rgb24")


def _cut_out() -> tuple[RgbImage, RgbImage]:
    """The street, and the person as large as somebody some way off in it."""
    path = pull_clip(load_catalogue().clips["bus"], Folders.of(None), NoProgress())
    photograph = cv2.imread(str(path))
    assert photograph is not None
    rgb = cv2.cvtColor(photograph, cv2.COLOR_BGR2RGB)
    street = cv2.resize(rgb[_STREET], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    person = rgb[_PERSON]
    width = person.shape[1] * _PERSON_HEIGHT // person.shape[0]
    small = cv2.resize(person, (width, _PERSON_HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(street, np.uint8), np.asarray(small, np.uint8)
