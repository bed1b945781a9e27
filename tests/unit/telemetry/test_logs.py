"""A log line shows no secret, wherever in its record one is."""

from __future__ import annotations

import io
import itertools
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.support.logs import logs_as_before
from vision.telemetry.logs import LogFormat, _DampedLines, configure_logs, set_levels
from vision.telemetry.redaction import REDACTED, Redactor

SECRET = "hunter2-long"
FORMATS: list[LogFormat] = ["json", "text"]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Put the logging system and the hooks back."""
    with logs_as_before():
        yield


@pytest.fixture
def redactor() -> Redactor:
    """One that knows the secret."""
    redactor = Redactor()
    redactor.register(SECRET)
    return redactor


@pytest.mark.parametrize("log_format", FORMATS)
def test_arguments_tracebacks_causes_notes_stacks_and_names(
    log_format: LogFormat, redactor: Redactor
) -> None:
    """The finished line is what counts."""
    stream = io.StringIO()
    configure_logs("info", log_format, stream, redactor)
    inner = OSError(f"rtsp://u:{SECRET}@h")
    inner.add_note(f"note of {SECRET}")
    group = ExceptionGroup(f"group {SECRET}", [inner, KeyError(SECRET)])
    try:
        try:
            raise group
        except ExceptionGroup:
            raise ValueError(SECRET)  # noqa: B904  its context is the point
    except ValueError:
        logging.getLogger(f"vision.{SECRET}").exception(
            "capture.failed %r %s", {"url": f"rtsp://u:{SECRET}@h"}, SECRET, stack_info=True
        )
    shown = stream.getvalue()
    assert SECRET not in shown
    for part in ("capture.failed", "note of", "group", "KeyError", "During handling", "Stack"):
        assert part in shown
    assert shown.count(REDACTED) >= 8


def test_json_lines_are_json_and_name_the_event() -> None:
    """A line can be read by a machine."""
    stream = io.StringIO()
    configure_logs("info", "json", stream, Redactor())
    logging.getLogger("vision.test").info('camera.state camera=%s reason="%s"', "front", "x")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("camera.state", "info", "vision.test")
    said = datetime.fromisoformat(line["at"])
    assert abs((datetime.now(UTC) - said).total_seconds()) < 60


@pytest.mark.parametrize("log_format", FORMATS)
def test_a_line_that_is_no_text_is_written_all_the_same(log_format: LogFormat) -> None:
    """A file name need not be UTF-8, and no output takes what Python makes of it."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    configure_logs("info", log_format, stream, Redactor())
    logging.getLogger("vision.test").info("found file=%s", "\udce9t\udce9")
    stream.seek(0)
    assert "udce9" in stream.read()


@pytest.mark.parametrize("log_format", FORMATS)
def test_a_line_that_cannot_be_formatted_shows_no_argument(
    log_format: LogFormat, redactor: Redactor, capfd: pytest.CaptureFixture[str]
) -> None:
    """The standard library would print them to standard error as they are."""
    stream = io.StringIO()
    configure_logs("info", log_format, stream, redactor)
    logging.getLogger("vision.test").info("count=%d", SECRET)
    assert stream.getvalue().startswith("log.line_lost source=test_logs.py:")
    assert SECRET not in stream.getvalue() + "".join(capfd.readouterr())


def test_warnings_are_redacted(redactor: Redactor) -> None:
    """Libraries warn of what they were given."""
    stream = io.StringIO()
    configure_logs("info", "text", stream, redactor)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn(f"deprecated: {SECRET}", stacklevel=1)
        logging.captureWarnings(capture=False)
    assert f"deprecated: {REDACTED}" in stream.getvalue()


def test_what_nobody_catches_is_redacted_in_every_thread_and_destructor(
    redactor: Redactor, capfd: pytest.CaptureFixture[str]
) -> None:
    """Threads that die, and destructors that fail, say why, without the secret."""
    stream = io.StringIO()
    configure_logs("info", "text", stream, redactor)

    class Brittle:
        def __del__(self) -> None:
            raise OSError(f"destructor {SECRET}")

    def fail() -> None:
        raise OSError(f"thread {SECRET}")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    del_me = Brittle()
    del del_me
    sys.excepthook(OSError, OSError(f"process {SECRET}"), None)
    shown = stream.getvalue()
    for what in ("thread", "destructor", "process"):
        assert f"OSError: {what} {REDACTED}" in shown
    assert SECRET not in shown + "".join(capfd.readouterr())


def test_what_is_said_again_and_again_is_damped() -> None:
    """A port scan makes a web server complain thousands of times of one and the same.

    Of ours, the same event of another camera is news.
    """
    stream = io.StringIO()
    configure_logs("info", "text", stream, Redactor())
    for number in range(50):
        logging.getLogger("library.http").warning("Invalid HTTP request of %d bytes.", number)
        logging.getLogger("vision.test").warning("frame.skipped camera=front")
        logging.getLogger("vision.test").warning("frame.skipped camera=yard-%d", number)
        logging.getLogger("libav.h264").error("error while decoding MB %d 7", number)
    shown = stream.getvalue()
    assert shown.count("Invalid HTTP") == 1
    assert shown.count("camera=front") == 1
    assert shown.count("camera=yard-") == 50
    assert shown.count("error while decoding") == 1


def test_a_damped_line_says_for_how_many_it_stands() -> None:
    """A second later the next of its kind comes with their number."""
    now_s = [0.0]
    damped = _DampedLines(lambda: now_s[0])

    def said() -> logging.LogRecord | None:
        record = logging.LogRecord("vision.test", logging.INFO, "x.py", 1, "a.b n=%d", (1,), None)
        return record if damped.filter(record) else None

    first = said()
    assert first is not None
    assert first.getMessage() == "a.b n=1"
    assert [said(), said()] == [None, None]
    now_s[0] = 1.0
    last = said()
    assert last is not None
    assert last.getMessage() == "a.b n=1 (3 times)"


def test_an_area_has_a_level_of_its_own_until_it_is_taken_back() -> None:
    """The rest keeps the common level."""
    stream = io.StringIO()
    configure_logs("warning", "text", stream, Redactor())

    said = itertools.count()

    def shown(level: str, areas: dict[str, str]) -> list[str]:
        stream.truncate(0)
        set_levels(level, areas.items())
        for name in ("vision.capture.rtsp", "vision.web.app", "libav.h264"):
            logging.getLogger(name).info("said %d", next(said))
        return [name for name in ("capture", "web", "libav") if name in stream.getvalue()]

    try:
        assert shown("warning", {}) == []
        assert shown("warning", {"capture": "debug"}) == ["capture"]
        assert shown("info", {"libav": "error", "web": "warning"}) == ["capture"]
        assert shown("warning", {}) == []
    finally:
        set_levels("warning", ())


def test_what_pyav_cut_is_not_shown(redactor: Redactor) -> None:
    """It cuts at 1 kB, maybe within a credential, whose first half nobody registered."""
    stream = io.StringIO()
    configure_logs("info", "text", stream, redactor)
    cut = ("x" * 1022 + SECRET)[: 1022 + 7]
    logging.getLogger("libav.rtsp").error(cut)
    logging.getLogger("libav.rtsp").error("short %s", SECRET)
    assert SECRET[:7] not in stream.getvalue()
    assert f"short {REDACTED}" in stream.getvalue()
