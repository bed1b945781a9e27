"""Proof that the capture time is the camera's: RTCP against the number burned into a frame.

A camera is watched with the capture stage's own connection. The number in each decoded picture
says which frame it is, the camera's log says when that frame was sent, and its time by RTCP
must be that moment. In the pipeline the same is checked of every message, by its timestamp.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from bench import stamp
from bench.cameras import Cameras, Sent, camera_name
from bench.clips import clip, frames_of
from bench.fresh import fresh
from bench.result import Row, rows_of
from bench.summary import percentiles
from vision.capture.address import RtspAddress
from vision.capture.rtsp import RtspSession

_NS_PER_MS = 1_000_000
_CAMERA_FPS = 30
# Within so long of its sending a frame was decoded: less than a round of the clip.
_SLACK_NS = 5_000_000_000


def proof(seconds: float) -> list[Row]:
    """Measure in a process of its own; see :func:`measure`."""
    return rows_of(fresh("bench.pipeline.clock", [f"--seconds={seconds}"]))


def measure(path: Path, seconds: float) -> Row:
    """How far the RTCP time of a clip's frames is from when the camera sent them."""
    with tempfile.TemporaryDirectory(prefix="vision-bench-") as folder:
        with Cameras(path, 1, Path(folder)) as cameras:
            seen = _watched(cameras.urls[camera_name(0)], seconds)
        (sent,) = cameras.sent()[camera_name(0)]
    return _row(seen, sent, frames_of(path))


def _watched(url: str, seconds: float) -> list[tuple[int | None, int | None]]:
    """Number and RTCP time of each frame."""
    seen = []
    # Numbers are read after the watching, so that reading them holds nothing up.
    pictures = []
    with RtspSession(RtspAddress(url)) as session:
        end_s = time.monotonic() + seconds
        for decoded in session.frames():
            pictures.append((decoded.picture, decoded.time.camera_ns))
            if time.monotonic() > end_s:
                break
    for picture, camera_ns in pictures:
        seen.append(
            (stamp.read(np.asarray(picture.to_ndarray(format="gray"), np.uint8)), camera_ns)
        )
    return seen


def _row(seen: list[tuple[int | None, int | None]], sent: Sent, frames: int) -> Row:
    errors_ms = []
    for number, camera_ns in seen:
        if number is None or camera_ns is None:
            continue
        # The clip is repeated: the showing of this number that is nearest to the time told.
        sent_ns = sent.last(number, frames, camera_ns + _SLACK_NS)
        if sent_ns is not None:
            errors_ms.append((camera_ns - sent_ns) / _NS_PER_MS)
    figures = percentiles((abs(error) for error in errors_ms), "clock_error", "ms")
    details = {
        "frames": len(seen),
        "without_number": sum(number is None for number, _ in seen),
        "without_time": sum(camera_ns is None for _, camera_ns in seen),
        "checked": len(errors_ms),
        "median_ms": percentiles(errors_ms, "error", "ms").get("error_p50_ms"),
    }
    return Row("clock", "RTCP against burned-in numbers", figures, details)


def main() -> None:
    """Measure and answer."""
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline.clock", description=__doc__)
    parser.add_argument("--seconds", type=float, required=True)
    print(json.dumps([asdict(measure(clip(640, 360, _CAMERA_FPS), parser.parse_args().seconds))]))


if __name__ == "__main__":
    main()
