"""Logs of every process: JSON lines or text, redacted after formatting."""

from __future__ import annotations

import logging
import sys
import threading
import time
from types import TracebackType
from typing import Literal, TextIO

import orjson

from vision.telemetry.redaction import Redactor, process_redactor

LogFormat = Literal["auto", "json", "text"]
_TEXT = "%(asctime)s %(levelname)-7s %(name)s %(message)s"


class _RedactingFormatter(logging.Formatter):
    """Redacts what was formatted, so that arguments and tracebacks are covered too."""

    converter = staticmethod(time.gmtime)

    def __init__(self, redactor: Redactor, *, as_json: bool) -> None:
        super().__init__(_TEXT, datefmt="%Y-%m-%dT%H:%M:%S")
        self._redactor = redactor
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        return (
            self._json(record) if self._as_json else self._redactor.redact(super().format(record))
        )

    def _json(self, record: logging.LogRecord) -> str:
        redact = self._redactor.redact
        event, _, rest = redact(record.getMessage()).partition(" ")
        line: dict[str, str] = {
            "at": f"{self.formatTime(record, self.datefmt)}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": event,
        }
        if rest:
            line["text"] = rest
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return orjson.dumps(line).decode()


def configure_logs(
    level: str,
    log_format: LogFormat,
    stream: TextIO,
    redactor: Redactor = process_redactor,
) -> None:
    """Send all logs of this process, uncaught exceptions included, to ``stream``."""
    handler = logging.StreamHandler(stream)
    as_json = log_format == "json" or (log_format == "auto" and not stream.isatty())
    handler.setFormatter(_RedactingFormatter(redactor, as_json=as_json))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    log = logging.getLogger("vision")

    def uncaught(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        log.critical("process.uncaught_exception", exc_info=(kind, error, trace))

    def uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = uncaught
    threading.excepthook = uncaught_in_thread
