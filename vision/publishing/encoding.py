"""Messages to compact UTF-8 JSON and back."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import orjson

from vision.domain.errors import PublishError
from vision.domain.event import EVENTS_SCHEMA, EventMessage
from vision.domain.message import (
    DETECTIONS_SCHEMA,
    STATUS_SCHEMA,
    DetectionMessage,
    StatusMessage,
)
from vision.publishing.shape import Reader, ShapeError, json_name, reader, shown
from vision.telemetry.redaction import process_redactor

_RUN = re.compile(r"0|[1-9][0-9]{0,18}")


def encode(message: DetectionMessage | StatusMessage | EventMessage) -> bytes:
    """The document that channel and stream carry, keys in the order of the dataclass.

    A reason is free text, so it passes redaction on its way out of the process.
    """
    if isinstance(message, StatusMessage):
        reason = process_redactor.redact(message.reason)
        message = dataclasses.replace(message, reason=reason)
    if isinstance(message, EventMessage):
        return orjson.dumps(_fields(message) | {"gaps": [_fields(gap) for gap in message.gaps]})
    return orjson.dumps(message)


def decode_detections(payload: bytes) -> DetectionMessage:
    """The message in ``payload``.

    Raises:
        PublishError: It is no such message; one line that names the first wrong field.
    """
    message: DetectionMessage = _decode(_read_detections, DETECTIONS_SCHEMA, payload)
    # What a subscriber counts with; everything else is for whoever reads the message.
    if message.run == "0" or message.seq < 1 or message.skipped < 0:
        raise PublishError(f"not a {DETECTIONS_SCHEMA} message: run, seq or skipped is too small")
    return message


def decode_status(payload: bytes) -> StatusMessage:
    """As :func:`decode_detections`, for a status message."""
    message: StatusMessage = _decode(_read_status, STATUS_SCHEMA, payload)
    return message


def decode_event(payload: bytes) -> EventMessage:
    """As :func:`decode_detections`, for an event."""
    message: EventMessage = _decode(_read_event, EVENTS_SCHEMA, payload)
    if message.revision < 0:
        raise PublishError(f"not a {EVENTS_SCHEMA} message: revision is too small")
    return message


def add_skipped(payload: bytes, frames: int) -> bytes:
    """The same detection message with ``frames`` more in ``skipped``."""
    message = decode_detections(payload)
    return encode(dataclasses.replace(message, skipped=message.skipped + frames))


def _decode(read: Reader, schema: str, payload: bytes) -> Any:
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise PublishError(f"not a {schema} message: not JSON") from None
    name = document.get("schema") if isinstance(document, dict) else None
    if name != schema:
        named = shown(name) if isinstance(name, str) else "missing"
        raise PublishError(f"not a {schema} message: its schema is {named}")
    try:
        message = read(document)
    except ShapeError as error:
        raise PublishError(f"not a {schema} message: {error}") from None
    run = getattr(message, "run", "0")
    if not _RUN.fullmatch(run):
        raise PublishError(f"not a {schema} message: run is {shown(run)}, no number")
    return message


def _fields(value: Any) -> dict[str, Any]:
    return {
        json_name(field.name): getattr(value, field.name) for field in dataclasses.fields(value)
    }


_read_detections = reader(DetectionMessage)
_read_status = reader(StatusMessage)
_read_event = reader(EventMessage)
