"""Logs of every process: JSON lines or text, redacted after formatting."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable
from typing import Literal, TextIO

import orjson

from vision.resilience.log_throttle import LogThrottle
from vision.telemetry.lenient_output import make_lenient
from vision.telemetry.process_hooks import install_hooks
from vision.telemetry.redacted_stream import RedactedStream
from vision.telemetry.redaction import Redactor, process_redactor

LogFormat = Literal["auto", "json", "text"]
_TEXT = "%(asctime)s %(levelname)-7s %(name)s %(message)s"
_NUMBER = re.compile(r"(?:0x)?\d+")
# PyAV formats into 1024 bytes and cuts the rest: half a credential is no registered value.
_LIBAV, _LIBAV_CUT_BYTES = "libav", 1000
# Areas whose loggers are not beneath "vision".
_OUTSIDE = {_LIBAV: _LIBAV, "simulate": "simulator"}
_CUT = "[a line that was cut at 1 kB]"
# Those that have a level of their own.
_area_loggers: list[logging.Logger] = []


class _RedactingFormatter(logging.Formatter):
    """Redacts what was formatted, so that arguments and tracebacks are covered too."""

    converter = staticmethod(time.gmtime)

    def __init__(self, redactor: Redactor, *, as_json: bool) -> None:
        super().__init__(_TEXT, datefmt="%Y-%m-%dT%H:%M:%S")
        self._redactor = redactor
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        return self._json(record) if self._as_json else self._shown(super().format(record))

    def _json(self, record: logging.LogRecord) -> str:
        event, _, rest = self._shown(record.getMessage()).partition(" ")
        line: dict[str, str] = {
            "at": f"{self.formatTime(record, self.datefmt)}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": self._shown(record.name),
            "event": event,
        }
        if rest:
            line["text"] = rest
        if record.exc_info:
            line["traceback"] = self._shown(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = self._shown(self.formatStack(record.stack_info))
        return orjson.dumps(line).decode()

    def _shown(self, text: str) -> str:
        # A file name that is no UTF-8 comes as lone surrogates, which no output can encode.
        return self._redactor.redact(text).encode("utf-8", "backslashreplace").decode()


class _LogHandler(logging.StreamHandler[TextIO]):
    """Says of a line that cannot be written where it comes from, not what was in it.

    The standard library prints the arguments of such a line to standard error.
    """

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the name is logging's
        line = f"log.line_lost source={record.filename}:{record.lineno}"
        try:
            self.stream.write(f"{line}{self.terminator}")
            self.flush()
        except (OSError, ValueError):
            """The output is gone, and there is nobody left to tell."""


class _DampedLines(logging.Filter):
    """Lets a kind of line through once a second, with a count, and drops what PyAV has cut."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._damper = LogThrottle(clock_s=clock_s)

    def filter(self, record: logging.LogRecord) -> bool:
        if (
            _owner(record) == _LIBAV
            and len(str(record.msg).encode("utf-8", "replace")) > _LIBAV_CUT_BYTES
        ):
            record.msg, record.args = _CUT, ()
        stands_for = self._damper.admit(_kind(record))
        if stands_for > 1:
            record.msg, record.args = f"{_text(record)} ({stands_for} times)", ()
        return stands_for > 0


def _owner(record: logging.LogRecord) -> str:
    return record.name.partition(".")[0]


def _text(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  whatever an argument's own text raises
        # The handler finds the same, and says where the line comes from.
        return str(record.msg)


def _kind(record: logging.LogRecord) -> str:
    match _owner(record):
        case "vision" | "simulator":
            # The same event of another camera, or for another reason, is news.
            error = record.exc_info[1] if record.exc_info else None
            return f"{record.name}:{record.lineno}:{_text(record)}:{error!r}"
        case "libav":
            # One mistake in a stream gives a line per block: its numbers make no news.
            return f"{record.name}:{_NUMBER.sub('#', _text(record))}"
        case _:
            return f"{record.name}:{record.pathname}:{record.lineno}"


def configure_logs(
    level: str,
    log_format: LogFormat,
    stream: TextIO,
    redactor: Redactor = process_redactor,
) -> None:
    """Send all logs of this process, uncaught exceptions included, to ``stream``."""
    if isinstance(stream, RedactedStream):
        stream = stream.plain
    make_lenient(stream)
    handler = _LogHandler(stream)
    as_json = log_format == "json" or (log_format == "auto" and not stream.isatty())
    handler.setFormatter(_RedactingFormatter(redactor, as_json=as_json))
    handler.addFilter(_DampedLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    install_hooks()


def set_levels(level: str, areas: Iterable[tuple[str, str]]) -> None:
    """Show lines from ``level`` on, and from another on in single areas.

    An area is a package of ``vision``, ``simulate`` or ``libav``; one that is not named has ``level``.
    """
    logging.getLogger().setLevel(level.upper())
    for logger in _area_loggers:
        logger.setLevel(logging.NOTSET)
    _area_loggers.clear()
    for area, own_level in areas:
        logger = logging.getLogger(_OUTSIDE.get(area, f"vision.{area}"))
        logger.setLevel(own_level.upper())
        _area_loggers.append(logger)
