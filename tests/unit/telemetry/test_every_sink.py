"""Ten thousand hostile credentials, on every way out of the process, in every spelling."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import sys
from collections.abc import Iterator
from random import Random

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.credentials import Pair, pairs
from tests.support.logs import logs_as_before
from tests.support.secret_encodings import shown_in, written
from tests.support.web import camera_view
from vision.capture.address import RtspAddress
from vision.cli.main import _complain
from vision.config.secrets import Credentials
from vision.domain.errors import ConfigError, VisionError
from vision.domain.message import STATUS_SCHEMA, StatusMessage
from vision.domain.secret import Secret
from vision.publishing.encoding import encode
from vision.runtime.commands.checks import _check
from vision.telemetry.logs import LogFormat, configure_logs
from vision.telemetry.metrics import NodeMetrics
from vision.telemetry.redacted_stream import redacted_output
from vision.telemetry.redaction import REDACTED, Redactor, process_redactor
from vision.telemetry.sentry import _scrubbed
from vision.web.documents import Health, cameras_json, readiness_json

EXAMPLES, PAIRS_PER_EXAMPLE = 250, 20
_NOTHING = Pair("", "")


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    """Put the logs, the hooks and what is registered back."""
    known = dict(vars(process_redactor))
    with logs_as_before():
        yield
    vars(process_redactor).update(known)


def register_only(pair: Pair) -> None:
    """As the secret files do it, in a process that knows no other."""
    vars(process_redactor).update(vars(Redactor()))
    process_redactor.register(pair.username)
    process_redactor.register(pair.password)
    process_redactor.register(pair.username, pair.password)


def log_lines(log_format: LogFormat, text: str) -> str:
    """A record with ``text`` in its message, argument, exception, context, note and stack."""
    stream = io.StringIO()
    configure_logs("debug", log_format, stream)
    log = logging.getLogger(f"libav.{text}")
    try:
        try:
            _fail(text)
        except OSError as first:
            first.add_note(text)
            raise ValueError(text)  # noqa: B904  its context is the point
    except ValueError:
        log.exception(f"x {text} %s %r", text, {"url": text}, stack_info=True)  # noqa: G004
    return stream.getvalue()


def _fail(text: str) -> None:
    raise OSError(text)


def printed(text: str) -> str:
    """What standard output and error show of ``text``."""
    plain = io.StringIO()
    with contextlib.redirect_stderr(plain), redacted_output("stderr"):
        sys.stderr.write(f"seen: {text}\n")
        _complain(ConfigError(f"{text}: remedy"))
    return plain.getvalue()


def told(text: str) -> str:
    """Status message, page, readiness, metrics, ``vision check`` with ``text`` as a reason."""

    def look() -> str:
        raise VisionError(text)

    time = "2026-11-26T11:40:00.123Z"
    message = StatusMessage(STATUS_SCHEMA, "front", "1", "online", text, time, time, None)
    view = dataclasses.replace(camera_view(), reason=text)
    # Numbers that change all the time may be a password: those of the process, and how many
    # credentials were redacted in it so far.
    metrics = b"\n".join(
        line
        for line in NodeMetrics(lambda: [view]).exposition()[0].splitlines()
        if not line.startswith((b"process_", b"vision_redactions"))
    )
    page = cameras_json([view]) + readiness_json(
        Health(ready=True, reasons=(text,), model="m", redis="r"), [view]
    )
    # Documents are JSON: they are looked at as a reader sees them, and as they travel.
    decoded = str(orjson.loads(encode(message))["reason"])
    return "\n".join(
        [
            (encode(message) + page + metrics).decode(),
            decoded,
            _check("camera", look).text,
            _check("camera", lambda: text).text,
        ]
    )


def reported(text: str) -> str:
    """An event for Sentry with ``text`` everywhere."""
    event = {text: [text, {"vars": (text,)}], "extra": {"a": {"b": text}}, "n": 1}
    return str(_scrubbed(event, process_redactor))


def held(pair: Pair) -> str:
    """What objects that hold credentials say of themselves."""
    username, password = Secret(pair.username), Secret(pair.password)
    address = RtspAddress("rtsp://h/1", username, password)
    return f"{Credentials(username, password)} {address!r} {dataclasses.asdict(address)}"


def sinks(pair: Pair, spelled: list[str]) -> str:
    """All ways out, each with other spellings."""
    parts = [" ".join(spelled[start::5]) for start in range(5)]
    return "\n".join(
        [
            log_lines("text", parts[0]),
            log_lines("json", parts[1]),
            printed(parts[2]),
            told(parts[3]),
            reported(parts[4]),
            held(pair),
        ]
    )


@pytest.mark.timeout(600)
def test_no_sink_shows_any_of_ten_thousand_credentials() -> None:
    """User names and passwords, alone and together, in every spelling, on every way out."""
    # Nor is it a leak that a credential is a part of what stands in its place.
    always = sinks(_NOTHING, []) + REDACTED
    seen = 0

    @settings(
        derandomize=True,
        deadline=None,
        max_examples=EXAMPLES,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(pairs(), min_size=PAIRS_PER_EXAMPLE, max_size=PAIRS_PER_EXAMPLE))
    def no_sink_shows(several: list[Pair]) -> None:
        nonlocal seen
        for pair in several:
            spellings = written(pair.username, pair.password)
            # Of each pair other ones: all of them at each sink would take minutes.
            chosen = Random(repr(pair)).sample(spellings, 5)
            register_only(pair)
            shown = sinks(pair, chosen)
            leaks = [
                leak
                for leak in shown_in(shown, pair.username, pair.password)
                if leak not in shown_in(always, pair.username, pair.password)
            ]
            assert not leaks, (leaks, chosen)
            seen += 2

    no_sink_shows()
    assert seen >= 10_000


def test_the_test_would_see_a_leak() -> None:
    """With nothing registered each sink shows what it was given, but the metrics."""
    pair = Pair("cam.user", "p@ss/w")
    vars(process_redactor).update(vars(Redactor()))
    for sink in (lambda text: log_lines("text", text), printed, told, reported):
        assert shown_in(sink("see p@ss/w"), pair.username, pair.password)
    assert shown_in(log_lines("json", "see p@ss/w"), pair.username, pair.password)
