"""What redaction costs per log line: ``python -m bench.redaction [CAMERAS]``."""

from __future__ import annotations

import secrets
import sys
import time

from vision.telemetry.redaction import Redactor

_LINE = (
    "2026-11-26T11:40:00 INFO    vision.runtime.cameras.monitor camera.state camera=front "
    'state=online reason="h264 frames arrive" since=1763898000123'
)
_ROUNDS, _REPEATS = 500, 9


def main(cameras: int) -> None:
    """Print microseconds per text for ``cameras`` cameras with credentials of their own."""
    redactor = Redactor()
    started_s = time.perf_counter()
    for number in range(cameras):
        username, password = f"viewer{number}", f"p@{secrets.token_urlsafe(14)}"
        redactor.register(username)
        redactor.register(password)
        redactor.register(username, password)
    print(f"register {cameras} cameras: {(time.perf_counter() - started_s) * 1000:.1f} ms")
    texts = {
        "a line": _LINE,
        "a line with a password": f"{_LINE} {password}",
        "a line with an escaped letter": f"{_LINE} %41",
        "a traceback of 4 kB": f"{_LINE}\n" * 28,
    }
    for name, text in texts.items():
        cost_us = min(_cost_us(redactor, text) for _ in range(_REPEATS))
        print(f"{name}: {cost_us:.0f} us")


def _cost_us(redactor: Redactor, text: str) -> float:
    started_s = time.perf_counter()
    for _ in range(_ROUNDS):
        redactor.redact(text)
    return (time.perf_counter() - started_s) / _ROUNDS * 1e6


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 32)
