"""Still scenes with sensor noise, as an encoder leaves them, and what a look at them costs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from bench.gate_streams import CODECS, write_stream
from vision.capture.counters import CaptureCounters
from vision.capture.gate import MotionGate
from vision.capture.motion import MotionDetector
from vision.capture.thumbnail import Grey, Thumbnailer
from vision.config.camera import MotionSettings
from vision.domain.frame import RgbImage
from vision.models.catalogue import load_catalogue
from vision.models.folders import Folders
from vision.models.progress import NoProgress
from vision.models.pull import pull_clip

PACE_FPS = 5
_FPS, _SECONDS, _LEARNED_S = 10, 45, 15
_NOISES = (0, 2, 5, 10, 20)
_RATES = ({"crf": "23"}, {"crf": "33"}, {"b": "400k", "maxrate": "400k", "bufsize": "400k"})
_LOOKS = 300


def still_scenes() -> list[dict[str, Any]]:
    """What passes the gate although nothing moves, once the noise is known."""
    figures = []
    for codec, noise, rate in itertools.product(CODECS, _NOISES, _RATES):
        with TemporaryDirectory() as folder:
            clip = Path(folder) / "still.mp4"
            encode_still(clip, (640, 360), _FPS, _SECONDS, noise, codec=codec, rate=rate)
            thumbnails = list(paced_thumbnails(clip, PACE_FPS))
            kbit = round(clip.stat().st_size * 8 / 1000 / _SECONDS)
        counters, admitted = CaptureCounters(), []
        gate = MotionGate(MotionSettings(enabled=True), counters)
        for number, thumbnail in enumerate(thumbnails):
            if number == _LEARNED_S * PACE_FPS:
                opened_before = counters.gate_opened
            admitted.append(gate.admit(thumbnail, number * 1_000_000_000 // PACE_FPS))
        learned = admitted[_LEARNED_S * PACE_FPS :]
        figures.append(
            {
                "codec": codec,
                "noise_levels": noise,
                "rate": " ".join(f"{name}={value}" for name, value in rate.items()),
                "kbit_per_s": kbit,
                "inferred_share": round(sum(learned) / len(learned), 3),
                "openings": counters.gate_opened - opened_before,
            }
        )
    return figures


def cost() -> list[dict[str, Any]]:
    """Microseconds of processor time per frame that the pace admits."""
    figures = []
    for size in ((640, 360), (1280, 720), (1920, 1080)):
        picture = av.VideoFrame.from_ndarray(photograph(size), "rgb24").reformat(format="yuv420p")
        thumbnailer, detector = Thumbnailer(), MotionDetector(8)
        thumbnail = thumbnailer.thumbnail(picture)
        detector.moves(thumbnail, 0)
        started_s = time.process_time()
        for _ in range(_LOOKS):
            thumbnailer.thumbnail(picture)
        made_s = time.process_time()
        for number in range(_LOOKS):
            detector.moves(thumbnail, number * 200_000_000)
        looked_s = time.process_time()
        figures.append(
            {
                "size": "x".join(map(str, size)),
                "thumbnail_us": round((made_s - started_s) / _LOOKS * 1e6),
                "look_us": round((looked_s - made_s) / _LOOKS * 1e6),
            }
        )
    return figures


def photograph(size: tuple[int, int]) -> RgbImage:
    """The middle of a photograph with people, ``size`` (width, height) large."""
    path = pull_clip(load_catalogue().clips["bus"], Folders.of(None), NoProgress())
    picture = cv2.imread(str(path))
    assert picture is not None  # noqa: S101  told to the type checker; its hash was checked
    height, width = picture.shape[:2]
    rows = width * size[1] // size[0]
    part = picture[(height - rows) // 2 :][:rows]
    scaled = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_BGR2RGB), np.uint8)


def encode_still(
    path: Path,
    size: tuple[int, int],
    fps: int,
    seconds: int,
    noise: float,
    *,
    codec: str = "h264",
    rate: dict[str, str] | None = None,
) -> None:
    """A photograph with Gaussian noise of ``noise`` levels, new in each frame, key frames 2 s apart."""
    group = 2 * fps
    pictures = _noisy(photograph(size), noise, fps * seconds + group)
    write_stream(
        path,
        (av.VideoFrame.from_ndarray(picture, "rgb24") for picture in pictures),
        codec=codec,
        fps=fps,
        group=group,
        options={"tune": "zerolatency"} | (rate or {"crf": "28"}),
        # An encoder begins with other packets than it goes on with, and a camera begins once.
        left_out=group,
    )


def _noisy(picture: RgbImage, noise: float, count: int) -> Iterator[RgbImage]:
    random = np.random.default_rng(1)
    height, width = picture.shape[:2]
    # A few fields of noise, shifted at random, are as good as new ones and much cheaper.
    fields: Sequence[NDArray[np.int16]] = [
        np.rint(random.normal(0, noise, (height, width, 1))).astype(np.int16) for _ in range(8)
    ]
    for _ in range(count):
        shift = int(random.integers(height)), int(random.integers(width))
        shifted = np.roll(fields[int(random.integers(len(fields)))], shift, (0, 1))
        yield np.clip(picture + shifted, 0, 255).astype(np.uint8)


def paced_thumbnails(path: Path, fps: float) -> Iterator[Grey]:
    """Thumbnails of the clip's frames, about ``fps`` a second."""
    thumbnailer = Thumbnailer()
    for picture in paced_pictures(path, fps):
        yield thumbnailer.thumbnail(picture)


def paced_pictures(path: Path, fps: float) -> Iterator[av.VideoFrame]:
    """Every so-manieth picture of the clip, about ``fps`` a second."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        step = max(1, round(float(stream.average_rate or fps) / fps))
        yield from itertools.islice(container.decode(stream), 0, None, step)
