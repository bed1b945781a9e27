"""Redaction takes time in proportion to a text, whatever a camera or a client writes into it."""

from __future__ import annotations

import base64
import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from vision.telemetry.redacted_stream import RedactedStream
from vision.telemetry.redaction import Redactor

_SHORT, _TIMES = 2_000, 8
# Counting lines makes each of them fifty times as slow.
_SHORT_COUNTED = 250
# Quadratic would be 64 times as much, and half of the limit is what proportional takes.
_LIMIT = 2 * _TIMES
_TRIES = 10
# Less than this is no time to compare.
_NOTHING_S = 0.04
_BASIC = base64.b64encode(b"viewer:s3cr3t-pass/word").decode()

HOSTILE = {
    "backslashes": "\\",
    "backslashes before a code that is none": "\\" * 50 + "x4g",
    "backslash and letter": "\\a",
    "codes of letters": "\\x41",
    "codes in JSON": "\\u0061",
    "percent of percent": "%25",
    "percent once, then of percent": "25",
    "percent-encoded backslashes": "%5C",
    "percent-encoded backslashes, twice": "%255c",
    "letters, percent-encoded": "%61",
    "entities of ampersands": "&amp;",
    "ampersand once, then of it": "amp;",
    "ampersands and marks": "&#",
    "zeros of an entity": "0",
    "entities of backslashes": "&#92;",
    "entities of letters": "&#97;",
    "entities of quotes": "&#39;",
    "authorities": "://a",
    "authorities in JSON": ":\\/\\/a",
    "authorities, percent-encoded": ":%2F%2Fa",
    "authorities, percent-encoded, with a user": ":%2F%2Fa@",
    "colons and backslashes": ":\\",
    "users": "u@",
    "entity's beginning and zeros": "&#x0000",
    "headers": "Authorization: ",
    "headers of digests": "Authorization: Digest ",
    "headers of digests, each with a line": "Authorization: Digest \\",
    "spaces": " ",
    "responses": "response=",
    "responses of digests": "response=" + "a" * 32 + " ",
    "base64": "A",
    "base64 of the pair": _BASIC,
    "base64 of the pair in one word": base64.b64encode(b"viewer:s3cr3t-pass/word\0").decode()[:-2],
    "the beginning of a secret": "s3cr3t-pass",
    "a secret": "s3cr3t-pass/word",
    "a secret's letters with backslashes": "s3cr3t" + "\\" * 30,
    "a secret of one letter": "aaaa",
    "a secret of marks": "::::",
    "a secret of codes": "5C-x",
    "a secret of backslashes": "\\\\\\\\",
    "hexadecimal": "765",
}
BEFORE = {
    "": "",
    "after an escaped letter": "s3cr3\\x74 \\x76iewer %35C ",
    "after the beginnings of others": "rtsp:%2F%2F &#x & %",
}


def knowing_ordinary_ones() -> Redactor:
    """A redactor whose secrets take little time, beside which that of the patterns shows."""
    redactor = Redactor()
    redactor.register("viewer", "s3cr3t-pass/word")
    return redactor


def knowing_much() -> Redactor:
    """A redactor with secrets that the hostile texts are near to."""
    redactor = Redactor()
    redactor.register("viewer", "s3cr3t-pass/word")
    for value in ("p@ss:w/ord%41", "aaaa-aaaa", "::::", "5C-x", "25%92;", "\\" * 8, "a1"):
        redactor.register(value)
    redactor.register("admin", "a1")
    return redactor


@contextmanager
def counted_lines() -> Iterator[list[int]]:
    """How many lines of Python are run in the block."""
    count = [0]

    def trace(_frame: FrameType, event: str, _argument: Any) -> Callable[..., Any]:
        count[0] += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield count
    finally:
        sys.settrace(before)


def _texts() -> Iterator[tuple[str, str]]:
    for start, before in BEFORE.items():
        for name, piece in HOSTILE.items():
            yield f"{name} {start}".strip(), before + piece * (_SHORT_COUNTED // len(piece))


def _long(short: str) -> str:
    """As ``short``, so many times as long; what it begins with stands there once."""
    before = next(text for text in reversed(BEFORE.values()) if short.startswith(text))
    return before + short.removeprefix(before) * _TIMES


@pytest.mark.parametrize(("name", "short"), [pytest.param(*pair, id=pair[0]) for pair in _texts()])
def test_the_steps_grow_no_faster_than_the_text(name: str, short: str) -> None:
    """Lines of Python are counted; what the patterns do is measured below."""
    redactor = knowing_much()
    counts = []
    for text in (short, _long(short)):
        with counted_lines() as count:
            redactor.redact(text)
        counts.append(count[0])
    assert counts[1] <= _LIMIT * counts[0], name


@pytest.mark.parametrize("start", BEFORE)
@pytest.mark.parametrize("make", [knowing_ordinary_ones, knowing_much])
def test_the_processor_time_grows_no_faster_than_the_text(
    make: Callable[[], Redactor], start: str
) -> None:
    """The patterns run in C, where no lines are counted: their time at best, of several tries.

    It is that of this thread alone. Other work on the machine takes the caches from it and makes
    some tries slow, but not all of them: whoever is too slow is tried again.
    """
    redactor = make()

    def spent_s(text: str) -> float:
        before_s = time.thread_time()
        redactor.redact(text)
        return time.thread_time() - before_s

    def is_too_slow(short: str) -> bool:
        long, ratios = _long(short), []
        for _ in range(_TRIES):
            one_s, other_s = spent_s(short), spent_s(long)
            if other_s <= _NOTHING_S:
                return False
            # Side by side, so that what slows one down slows the other down.
            ratios.append(other_s / one_s)
            if min(ratios) <= _LIMIT:
                return False
        return True

    short = {
        name: BEFORE[start] + piece * (_SHORT // len(piece)) for name, piece in HOSTILE.items()
    }
    assert [name for name, text in short.items() if is_too_slow(text)] == []


def test_a_line_written_letter_by_letter_is_joined_once() -> None:
    """What has no line end yet is kept as it came, not copied at each further letter."""
    plain = io.StringIO()
    stream = RedactedStream(plain, knowing_much())
    for _ in range(200_000):
        stream.write("a")
    assert plain.getvalue() == ""
    stream.write("b\nc")
    assert plain.getvalue() == "a" * 200_000 + "b\n"
    stream.flush()
    assert plain.getvalue().endswith("b\nc")
