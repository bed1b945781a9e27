"""The contract of narrations: dataclass, schema and the bytes on the wire say the same."""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.support.narrations import narration, strange_narrations
from vision.domain.errors import PublishError
from vision.domain.event import EventType
from vision.domain.narration import (
    AttemptOutcome,
    NarrationAttempt,
    NarrationMessage,
    NarrationTime,
)
from vision.publishing.encoding import decode_narration, encode
from vision.publishing.reading.cursor import BEFORE_THE_FIRST, NarrationCursor
from vision.telemetry.redaction import process_redactor

_SCHEMA: dict[str, Any] = json.loads(
    (
        importlib.resources.files("vision.domain") / "schema" / "vision.narration-1.schema.json"
    ).read_text("utf-8")
)


def test_schema_and_dataclass_have_the_same_fields() -> None:
    """Fields, their order and what is required, down to the last object."""
    Draft202012Validator.check_schema(_SCHEMA)
    properties = _SCHEMA["properties"]
    for kind, schema in (
        (NarrationMessage, _SCHEMA),
        (NarrationTime, properties["time"]),
        (NarrationAttempt, properties["attempts"]["items"]),
    ):
        names = [field.name for field in dataclasses.fields(kind)]
        assert list(schema["properties"]) == schema["required"] == names
        assert schema["additionalProperties"] is False
        assert all("description" in part for part in schema["properties"].values())


def test_schema_lists_all_that_can_come_of_a_provider() -> None:
    """An outcome that is added to the code is added to the contract."""
    attempt = _SCHEMA["properties"]["attempts"]["items"]["properties"]
    assert attempt["outcome"]["enum"] == [outcome.value for outcome in AttemptOutcome]
    assert _SCHEMA["properties"]["type"]["enum"] == [kind.value for kind in EventType]


@given(strange_narrations())
def test_an_encoded_narration_fits_the_schema_and_comes_back(message: NarrationMessage) -> None:
    """Any narration validates, keeps the order of its keys and decodes to an equal one.

    A text that looks as if it held a password (``://0@``) comes back without it.
    """
    payload = encode(message)
    document = json.loads(payload)
    Draft202012Validator(_SCHEMA).validate(document)
    assert list(document) == [field.name for field in dataclasses.fields(message)]
    shown = dataclasses.replace(message, text=process_redactor.redact(message.text))
    assert decode_narration(payload) == shown


@given(st.binary())
def test_garbage_is_refused_in_one_line(garbage: bytes) -> None:
    """Whatever bytes come, the decoder says so and nothing else happens."""
    with pytest.raises(PublishError) as refusal:
        decode_narration(garbage)
    assert "\n" not in str(refusal.value)


def test_a_secret_in_a_text_is_not_published() -> None:
    """A model that repeats what it should not know is not passed on."""
    process_redactor.register("hunter2-of-narration")
    payload = encode(narration(text="Die Person sagt hunter2-of-narration."))
    assert b"hunter2" not in payload


def test_the_cursor_hands_on_each_narration_once() -> None:
    """By its id: one that came live does not name its place on the stream."""
    cursor = NarrationCursor(BEFORE_THE_FIRST)
    first, second = narration(1), narration(2)
    assert cursor.is_new(first)
    cursor.advance(first, None)
    assert not cursor.is_new(first)
    assert cursor.is_new(second)
    assert cursor.stream_id == BEFORE_THE_FIRST
    cursor.advance(second, "5-1")
    assert cursor.stream_id == "5-1"
    assert cursor.missing_until(first) is None
