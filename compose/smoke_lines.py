# ruff: noqa: INP001  run by smoke.sh, never imported
"""Reads `vision tail --json` and prints one short line per message, for smoke.sh.

read, received and inferred in milliseconds since the epoch; camera, run, seq, skipped.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime


def milliseconds(text: str) -> int:
    """An ISO 8601 time as milliseconds since the epoch."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


for line in sys.stdin:
    message = json.loads(line)
    at = message["time"]
    fields = (
        time.time_ns() // 1_000_000,
        milliseconds(at["received"]),
        milliseconds(at["inferred"]),
        message["camera"],
        message["run"],
        message["seq"],
        message["skipped"],
    )
    sys.stdout.write(" ".join(map(str, fields)) + "\n")
    sys.stdout.flush()
