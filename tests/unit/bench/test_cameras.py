"""The log of what simulated cameras sent."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from bench.cameras import SendLog, Sent, read_log

STEP = 3000  # ticks of a frame at 30 fps


def sent(frames: int) -> Sent:
    """A viewer that was sent a frame each millisecond from second 1 on."""
    numbers = np.arange(frames)
    return Sent(numbers * STEP, 1_000_000_000 + numbers * 1_000_000)


def test_a_frame_is_found_by_its_timestamp() -> None:
    """A message's presentation time says when its frame was sent; other times are no frame's."""
    assert sent(10).at(3 * STEP) == 1_003_000_000
    assert sent(10).at(3 * STEP + 1) is None
    assert sent(10).at(10 * STEP) is None


def test_a_frame_is_found_by_its_number() -> None:
    """Of a clip that is repeated, the last showing before a moment is meant."""
    log = sent(10)
    assert log.last(number=1, frames=4, before_ns=1_004_999_999) == 1_001_000_000
    assert log.last(number=1, frames=4, before_ns=1_005_000_000) == 1_005_000_000
    assert log.last(number=1, frames=4, before_ns=1_000_000_000) is None
    assert log.last(number=3, frames=20, before_ns=2_000_000_000) == 1_003_000_000


def test_viewers_are_told_apart_and_timestamps_begin_at_zero(tmp_path: Path) -> None:
    """Two connections to a camera are two viewers, and RTP's wrap at 32 bits is undone."""
    rows = [[7, 2**32 - STEP, 1], [9, 500, 2], [7, 0, 3], [9, 500 + STEP, 4]]
    path = tmp_path / "sent.json"
    path.write_text(json.dumps({"camera-1": rows, "camera-2": []}))
    log = read_log(path)
    assert [viewer.ticks.tolist() for viewer in log["camera-1"]] == [[0, STEP], [0, STEP]]
    assert [viewer.sent_ns.tolist() for viewer in log["camera-1"]] == [[1, 3], [2, 4]]
    assert log["camera-2"] == []


def test_a_log_changes_nothing_of_what_is_sent() -> None:
    """The cameras that are measured send what others do."""
    log = SendLog()
    packets = [struct.pack(">BBHII", 0x80, 96, 1, 4711, 42) + b"payload", b"more"]
    assert log.impair(packets) is packets
    ((viewer, timestamp, sent_ns),) = log.rows
    assert (viewer, timestamp) == (42, 4711)
    assert sent_ns > 0
