"""What was registered is shown by no sink, in no spelling."""

from __future__ import annotations

import base64
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.telemetry.logs import LogFormat, configure_logs
from vision.telemetry.redaction import REDACTED, Redactor

# Printable and long enough that it does not stand in a log line by chance.
secrets = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=6).filter(
    lambda text: not REDACTED.startswith(text) and not text.isspace()
)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Put the logging system back."""
    root = logging.getLogger()
    handlers, level, hooks = root.handlers[:], root.level, (sys.excepthook, threading.excepthook)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook = hooks


@given(secrets, secrets)
def test_no_spelling_of_a_secret_survives(username: str, password: str) -> None:
    """Raw, percent-encoded, escaped and encoded forms are all taken out."""
    redactor = Redactor()
    redactor.register(username, password)
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    for form in (
        password,
        quote(password, safe=""),
        json.dumps(password)[1:-1],
        repr(password)[1:-1],
        pair,
    ):
        shown = redactor.redact(f"rtsp://x/{form}/y")
        assert form not in shown.replace(REDACTED, "")


def test_an_old_value_stays_known() -> None:
    """After a rotation the old password still lies in buffers."""
    redactor = Redactor()
    redactor.register("old-one")
    redactor.register("new-one")
    assert redactor.redact("old-one new-one") == f"{REDACTED} {REDACTED}"


def test_nothing_registered_changes_nothing() -> None:
    """Text without secrets comes back as it was."""
    assert Redactor().redact("rtsp://host/path") == "rtsp://host/path"


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_logs_redact_arguments_and_tracebacks(log_format: LogFormat) -> None:
    """The finished line is what counts: messages, arguments, exceptions and their causes."""
    redactor, stream = Redactor(), io.StringIO()
    redactor.register("hunter2-long")
    configure_logs("info", log_format, stream, redactor)
    log = logging.getLogger("vision.test")
    error = ValueError("hunter2-long")
    error.__cause__ = OSError("rtsp://u:hunter2-long@h")
    with pytest.raises(ValueError, match="hunter2"):
        raise error
    log.error("capture.failed url=%s", "rtsp://u:hunter2-long@h", exc_info=error)
    shown = stream.getvalue()
    assert "hunter2" not in shown
    assert REDACTED in shown
    assert "capture.failed" in shown


def test_json_lines_are_json_and_name_the_event() -> None:
    """A line can be read by a machine."""
    stream = io.StringIO()
    configure_logs("info", "json", stream, Redactor())
    logging.getLogger("vision.test").info('camera.state camera=%s reason="%s"', "front", "x")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("camera.state", "info", "vision.test")
    said = datetime.fromisoformat(line["at"])
    assert abs((datetime.now(UTC) - said).total_seconds()) < 60


def test_an_uncaught_exception_of_a_thread_is_redacted() -> None:
    """Threads that die say why, without the secret."""
    redactor, stream = Redactor(), io.StringIO()
    redactor.register("hunter2-long")
    configure_logs("info", "text", stream, redactor)

    def fail() -> None:
        raise OSError("hunter2-long")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert "process.uncaught_exception" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
