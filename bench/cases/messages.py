"""Made-up detections, the same in each run."""

from __future__ import annotations

import time

import numpy as np

from vision.domain.detections import Detections, InferenceRecord, ModelInfo
from vision.domain.frame import ClockSource, FrameMeta

_SEED = 0
_LABELS = tuple(f"label {number}" for number in range(80))
RECORD = InferenceRecord(
    ModelInfo("yolov8n", "ab" * 32, "openvino", _LABELS), (384, 640), time.time_ns(), 42.5, 0
)


def detections(count: int) -> Detections:
    """So many objects of one frame."""
    random = np.random.default_rng(_SEED)
    corners = np.sort(random.random((count, 2, 2), np.float32), axis=1)
    return Detections(
        corners.reshape(count, 4),
        random.random(count, np.float32),
        random.integers(0, len(_LABELS), count, np.int32),
    )


def meta(camera: str, seq: int, run: int) -> FrameMeta:
    """Of a frame that has just been captured."""
    now_ns = time.time_ns()
    return FrameMeta(
        camera=camera,
        run=run,
        seq=seq,
        pts=seq * 9000,
        time_base=(1, 90_000),
        captured_ns=now_ns,
        clock=ClockSource.RTCP,
        clock_offset_ms=1.5,
        received_ns=now_ns,
        received_mono_ns=time.monotonic_ns(),
        width=1920,
        height=1080,
        gated=0,
        refresh_s=0.0,
    )
