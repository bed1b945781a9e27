"""The contract: dataclasses, schemas and the bytes on the wire say the same."""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
import typing
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.support.event_messages import event, strange_events
from tests.support.messages import detection, status, strange_messages, strange_statuses
from vision.domain.errors import PublishError
from vision.domain.event import Direction, EndReason, EventMessage, EventType, GapReason
from vision.domain.frame import ClockSource
from vision.domain.message import DetectionMessage, StatusMessage
from vision.domain.status import CameraState
from vision.publishing.encoding import (
    add_skipped,
    decode_detections,
    decode_event,
    decode_status,
    encode,
)
from vision.publishing.shape import json_name
from vision.telemetry.redaction import process_redactor

_SCHEMAS = importlib.resources.files("vision.domain") / "schema"


def _schema(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((_SCHEMAS / name).read_text("utf-8"))
    return document


_DETECTIONS = _schema("vision.detections-1.schema.json")
_STATUS = _schema("vision.status-1.schema.json")
_EVENTS = _schema("vision.events-1.schema.json")
_VALIDATORS = {
    DetectionMessage: Draft202012Validator(
        _DETECTIONS, format_checker=Draft202012Validator.FORMAT_CHECKER
    ),
    StatusMessage: Draft202012Validator(
        _STATUS, format_checker=Draft202012Validator.FORMAT_CHECKER
    ),
    EventMessage: Draft202012Validator(_EVENTS, format_checker=Draft202012Validator.FORMAT_CHECKER),
}


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """``schema`` with its local reference followed."""
    reference: str | None = schema.get("$ref")
    if reference is None:
        return schema
    found: dict[str, Any] = root["$defs"][reference.removeprefix("#/$defs/")]
    return found


def _assert_same(kind: type, schema: dict[str, Any], root: dict[str, Any]) -> None:
    hints = typing.get_type_hints(kind)
    names = [json_name(field.name) for field in dataclasses.fields(kind)]
    assert list(schema["properties"]) == names
    assert schema["required"] == names
    assert schema["additionalProperties"] is False
    for field in dataclasses.fields(kind):
        name = json_name(field.name)
        inner = hints[field.name]
        part = _resolved(schema["properties"][name], root)
        assert "description" in schema["properties"][name] or "description" in part
        if typing.get_origin(inner) is tuple and dataclasses.is_dataclass(
            typing.get_args(inner)[0]
        ):
            inner, part = typing.get_args(inner)[0], part["items"]
        if dataclasses.is_dataclass(inner) and isinstance(inner, type):
            _assert_same(inner, part, root)


@pytest.mark.parametrize(
    ("kind", "schema"),
    [(DetectionMessage, _DETECTIONS), (StatusMessage, _STATUS), (EventMessage, _EVENTS)],
)
def test_schema_and_dataclass_have_the_same_fields(kind: type, schema: dict[str, Any]) -> None:
    """Fields, their order and what is required are the same down to the last object."""
    Draft202012Validator.check_schema(schema)
    _assert_same(kind, schema, schema)


def test_schema_lists_every_state_and_clock() -> None:
    """A state or clock source that is added to the code is added to the contract."""
    assert _STATUS["properties"]["state"]["enum"] == [state.value for state in CameraState]
    sources = _DETECTIONS["properties"]["time"]["properties"]["source"]["enum"]
    assert sources == [source.value for source in ClockSource]
    assert _EVENTS["properties"]["time"]["properties"]["source"]["enum"] == sources


def test_schema_lists_all_that_an_event_can_say() -> None:
    """As above, for types, ends, gaps and directions."""
    properties = _EVENTS["properties"]
    assert properties["type"]["enum"] == [kind.value for kind in EventType]
    assert properties["end"]["enum"] == [*(reason.value for reason in EndReason), None]
    gap, line = properties["gaps"]["items"], properties["lines"]["items"]
    assert gap["properties"]["reason"]["enum"] == [reason.value for reason in GapReason]
    assert line["properties"]["direction"]["enum"] == [way.value for way in Direction]


@given(strange_messages())
def test_encoded_detections_fit_the_schema_and_come_back(message: DetectionMessage) -> None:
    """Any message validates, keeps the order of its keys and decodes to an equal one."""
    payload = encode(message)
    document = json.loads(payload)
    _VALIDATORS[DetectionMessage].validate(document)
    assert list(document) == [field.name for field in dataclasses.fields(message)]
    assert decode_detections(payload) == message


@given(strange_statuses())
def test_encoded_status_fits_the_schema_and_comes_back(message: StatusMessage) -> None:
    """Any status validates and decodes to an equal one, but for a password in its reason."""
    payload = encode(message)
    _VALIDATORS[StatusMessage].validate(json.loads(payload))
    shown = dataclasses.replace(message, reason=process_redactor.redact(message.reason))
    assert decode_status(payload) == shown


@given(strange_events())
def test_an_encoded_event_fits_the_schema_and_comes_back(message: EventMessage) -> None:
    """Any event validates, keeps the order of its keys and decodes to an equal one."""
    payload = encode(message)
    document = json.loads(payload)
    _VALIDATORS[EventMessage].validate(document)
    assert list(document) == [field.name for field in dataclasses.fields(message)]
    assert decode_event(payload) == message


def test_a_damaged_event_is_refused_by_the_place() -> None:
    """Also inside of what has names of its own."""
    for change, complaint in [
        ({"gaps": [{}]}, r"gaps\[0\]\.from is missing"),
        ({"zones": {"current": [], "entered": [], "dwell_s": {"a": "b"}}}, r"dwell_s\.'a' is not"),
        ({"stationary": 0}, "stationary is not a boolean"),
        ({"revision": -1}, "revision is too small"),
    ]:
        with pytest.raises(PublishError, match=complaint):
            decode_event(json.dumps(json.loads(encode(event())) | change).encode())


def test_the_document_is_compact() -> None:
    """No byte is spent on white space: the document is sent twice per frame."""
    payload = encode(detection(1))
    assert payload == json.dumps(json.loads(payload), separators=(",", ":")).encode()


@given(st.binary())
def test_garbage_is_refused_in_one_line(garbage: bytes) -> None:
    """Whatever bytes come, the decoder says so and nothing else happens."""
    with pytest.raises(PublishError) as refusal:
        decode_detections(garbage)
    assert "\n" not in str(refusal.value)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    if not isinstance(value, dict | list):
        return [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [path, *(found for key, part in inner for found in _paths(part, (*path, key)))]


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_a_damaged_message_is_refused_or_still_whole(data: st.DataObject) -> None:
    """Any value at any place: what is accepted encodes to the document that came in."""
    document = json.loads(encode(detection(3)))
    *parents, last = data.draw(st.sampled_from(_paths(document)[1:]))
    holder = document
    for key in parents:
        holder = holder[key]
    holder[last] = data.draw(_JSON)
    try:
        payload = orjson.dumps(document)
    except TypeError:  # a lone surrogate is no JSON
        return
    try:
        message = decode_detections(payload)
    except PublishError:
        return
    assert orjson.loads(encode(message)) == orjson.loads(payload)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schema": "vision.detections/2"}, "its schema is 'vision.detections/2'"),
        ({"seq": True}, "seq is not an integer"),
        ({"seq": 1.0}, "seq is not an integer"),
        ({"skipped": None}, "skipped is not an integer"),
        ({"extra": 1}, "the document has an unknown key 'extra'"),
        ({"detections": {}}, "detections is not a list"),
        ({"detections": [{}]}, "detections[0].label is missing"),
        ({"frame": []}, "frame is not an object"),
    ],
)
def test_the_refusal_names_the_place(change: dict[str, Any], complaint: str) -> None:
    """Whoever debugs a foreign publisher is told the first thing that is wrong."""
    document = json.loads(encode(detection(3))) | change
    with pytest.raises(PublishError, match=r"not a vision\.detections/1 message") as refusal:
        decode_detections(json.dumps(document).encode())
    assert str(refusal.value).endswith(complaint)


def test_a_missing_key_is_named() -> None:
    """A document without one of its keys is refused by that key's name."""
    document = json.loads(encode(status()))
    del document["since"]
    with pytest.raises(PublishError, match="since is missing"):
        decode_status(json.dumps(document).encode())


def test_more_skipped_frames_change_nothing_else() -> None:
    """Accounting for lost messages touches one number of the document."""
    message = detection(9, skipped=2)
    assert decode_detections(add_skipped(encode(message), 5)) == dataclasses.replace(
        message, skipped=7
    )
