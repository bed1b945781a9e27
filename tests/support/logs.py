"""The process's logs, for tests that set them up or read them."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


def log_lines(caplog: pytest.LogCaptureFixture, event: str) -> list[str]:
    """The messages of one kind."""
    lines = [record.getMessage() for record in caplog.records]
    return [line for line in lines if line.startswith(event)]


@contextmanager
def logs_as_before() -> Iterator[None]:
    """Put the logging system and the hooks for errors nobody caught back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(capture=False)
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
