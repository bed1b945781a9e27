"""Credentials taken out of what is logged: 32 cameras, each with a name and password of its own."""

from __future__ import annotations

import secrets
from functools import partial

from bench.cases import Options, row
from bench.result import Row
from bench.timing import timed
from vision.telemetry.redaction import Redactor

_CAMERAS = 32
_LINE = (
    "2026-11-26T11:40:00 INFO    vision.runtime.cameras.monitor camera.state camera=front "
    'state=online reason="h264 frames arrive" since=1763898000123'
)


def measure(options: Options) -> list[Row]:
    """Texts as they come, and such that have to be looked at closely."""
    redactor = Redactor()
    for number in range(_CAMERAS):
        username, password = f"viewer{number}", f"p@{secrets.token_urlsafe(14)}"
        redactor.register(username)
        redactor.register(password)
        redactor.register(username, password)
    texts = {
        "line": _LINE,
        "with a password": f"{_LINE} {password}",
        "with an escaped letter": f"{_LINE} %41",
        "traceback of 4 kB": f"{_LINE}\n" * 28,
    }
    return [
        row("redact", name, timed(partial(redactor.redact, text), options.seconds))
        for name, text in texts.items()
    ]
