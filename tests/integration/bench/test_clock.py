"""The proof of the capture time, against a real RTSP stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.clips import encode, frames_of
from bench.pipeline.clock import measure

pytestmark = pytest.mark.integration


def test_the_time_by_rtcp_is_when_the_camera_sent_the_numbered_frame(tmp_path: Path) -> None:
    """Every decoded frame tells its number, and its time is that of the log, whatever the load."""
    gradient = np.linspace(40, 200, 180 * 320 * 3).reshape(180, 320, 3).astype(np.uint8)
    views = [np.roll(gradient, 4 * place, axis=1) for place in range(60)]
    clip = tmp_path / "numbered.mp4"
    encode(clip, views, fps=30, codec="h264")
    assert frames_of(clip) == 60

    row = measure(clip, seconds=3.0)

    # More than a round of the clip, so numbers have come back.
    assert row.details["frames"] > 60
    assert row.details["without_number"] == 0
    assert row.details["checked"] >= row.details["frames"] - 1
    # A frame is sent when it is due or later. Far less than a frame's interval on an idle machine.
    assert row.figures["clock_error_p50_ms"] < 500
