"""What somebody else publishes on our names: refused in one line, or safe to count with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.event_messages import event
from tests.support.messages import detection, status
from vision.domain.errors import PublishError
from vision.domain.event import EventMessage
from vision.domain.message import DetectionMessage, StatusMessage
from vision.publishing.encoding import (
    decode_detections,
    decode_event,
    decode_status,
    encode,
)
from vision.publishing.keys import parse_stream_key
from vision.publishing.reading.cursor import (
    BEFORE_THE_FIRST,
    Cursor,
    DetectionCursor,
    EventCursor,
    StatusCursor,
)

_JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_DEEP = b"[" * 100_000


@settings(deadline=None)
@given(st.binary(max_size=300))
@example(_DEEP)
@example(b'{"schema": "vision.detections/1"}')
@example(b'{"schema": "vision.status/1", "schema": 3}')
@example(b'{"schema": "vision.status/1\\ud800"}')
@example(b"1" * 10_000)
@example(b"1e999")
def test_any_bytes_are_refused_in_one_line(payload: bytes) -> None:
    """By all decoders."""
    for decode in (decode_detections, decode_status, decode_event):
        with pytest.raises(PublishError) as refusal:
            decode(payload)
        assert len(str(refusal.value).splitlines()) == 1


def _altered(document: dict[str, Any], changes: dict[str, Any]) -> bytes | None:
    try:
        return orjson.dumps(document | changes)
    except TypeError:  # a lone surrogate is no JSON
        return None


def _count_with(
    cursor: Cursor[Any], message: DetectionMessage | StatusMessage | EventMessage
) -> None:
    cursor.is_new(message)
    cursor.missing_until(message)
    cursor.moment(message)
    cursor.advance(message, None)
    assert "-" in cursor.stream_id


@pytest.mark.parametrize(
    ("known", "decode", "cursor"),
    [
        (encode(detection(3)), decode_detections, DetectionCursor),
        (encode(status()), decode_status, StatusCursor),
        (encode(event()), decode_event, EventCursor),
    ],
)
@given(data=st.data())
def test_what_is_accepted_can_be_counted_with(
    known: bytes,
    decode: Callable[[bytes], DetectionMessage | StatusMessage | EventMessage],
    cursor: type[Cursor[Any]],
    data: st.DataObject,
) -> None:
    """Any value under any key: a subscriber never stumbles over a message that it took."""
    document = json.loads(known)
    keys = st.sampled_from(sorted(document))
    payload = _altered(document, data.draw(st.dictionaries(keys, _JSON, max_size=2)))
    if payload is None:
        return
    try:
        message = decode(payload)
    except PublishError:
        return
    _count_with(cursor(BEFORE_THE_FIRST), message)


@pytest.mark.parametrize("run", ["", "x", "-1", "1.0", "²", "१", "01", "1" * 5000, "0"])
def test_a_run_that_is_no_number_is_refused(run: str) -> None:
    """Stream ids begin with it."""
    document = json.loads(encode(detection(3))) | {"run": run}
    with pytest.raises(PublishError, match="run"):
        decode_detections(json.dumps(document).encode())


@pytest.mark.parametrize(("key", "value"), [("seq", 0), ("seq", -1), ("skipped", -1)])
def test_a_count_below_its_least_is_refused(key: str, value: int) -> None:
    """No frame has such a number."""
    document = json.loads(encode(detection(3))) | {key: value}
    with pytest.raises(PublishError, match="too small"):
        decode_detections(json.dumps(document).encode())


@given(st.text())
def test_any_name_is_a_stream_of_ours_or_not(name: str) -> None:
    """And one that is comes back as it was."""
    key = parse_stream_key(name)
    assert key is None or str(key) == name
