"""Detections to the bytes of a message."""

from __future__ import annotations

import time

from bench.cases import Options, row
from bench.cases.messages import RECORD, detections, meta
from bench.result import Row
from bench.timing import timed
from vision.domain.detections import Detections
from vision.domain.message import detection_message
from vision.publishing.encoding import encode

_COUNTS = (0, 5, 50)


def measure(options: Options) -> list[Row]:
    """An empty frame, a usual one and a crowd."""
    rows = []
    frame = meta("front", 1, 1)
    for count in _COUNTS:
        seen = detections(count)

        def call(seen: Detections = seen) -> bytes:
            return encode(detection_message(frame, seen, RECORD, time.time_ns()))

        rows.append(
            row("encode", f"{count} objects", timed(call, options.seconds), bytes=len(call()))
        )
    return rows
