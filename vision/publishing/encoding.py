"""Messages to compact UTF-8 JSON and back."""

from __future__ import annotations

import dataclasses
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
from vision.domain.narration import NARRATION_SCHEMA, NarrationMessage
from vision.publishing.shape import Reader, ShapeError, json_name, reader, shown
from vision.telemetry.redaction import process_redactor

# A message of the most detections that one may have is a tenth of it.
_LONGEST = 4 * 2**20


def encode(message: DetectionMessage | StatusMessage | EventMessage | NarrationMessage) -> bytes:
    """The document that channel and stream carry, keys in the order of the dataclass.

    A reason and a narrator's text are free, so they pass redaction on their way out of the process.
    """
    if isinstance(message, StatusMessage):
        reason = process_redactor.redact(message.reason)
        message = dataclasses.replace(message, reason=reason)
    if isinstance(message, NarrationMessage):
        text = process_redactor.redact(message.text)
        message = dataclasses.replace(message, text=text)
    if isinstance(message, EventMessage):
        return orjson.dumps(_fields(message) | {"gaps": [_fields(gap) for gap in message.gaps]})
    return orjson.dumps(message)


def decode_detections(payload: bytes) -> DetectionMessage:
    """The message in ``payload``.

    Raises:
        PublishError: It is no such message; one line that names the first wrong field.
    """
    message: DetectionMessage = _decode(_read_detections, DETECTIONS_SCHEMA, payload)
    if message.id != f"{message.camera}:{message.stream_id}":
        raise PublishError(f"not a {DETECTIONS_SCHEMA} message: id is not that of its frame")
    return message


def decode_status(payload: bytes) -> StatusMessage:
    """As :func:`decode_detections`, for a status message."""
    message: StatusMessage = _decode(_read_status, STATUS_SCHEMA, payload)
    return message


def decode_event(payload: bytes) -> EventMessage:
    """As :func:`decode_detections`, for an event."""
    message: EventMessage = _decode(_read_event, EVENTS_SCHEMA, payload)
    return message


def decode_narration(payload: bytes) -> NarrationMessage:
    """As :func:`decode_detections`, for a narration."""
    message: NarrationMessage = _decode(_read_narration, NARRATION_SCHEMA, payload)
    return message


def add_skipped(payload: bytes, frames: int) -> bytes:
    """The same detection message with ``frames`` more in ``skipped``."""
    message = decode_detections(payload)
    return encode(dataclasses.replace(message, skipped=message.skipped + frames))


def renumber(message: DetectionMessage, run: int, offset: int) -> DetectionMessage:
    """The same message as of ``run``, its number less ``offset``."""
    seq = message.seq - offset
    return dataclasses.replace(message, run=str(run), seq=seq, id=f"{message.camera}:{run}-{seq}")


def _decode(read: Reader, schema: str, payload: bytes) -> Any:
    if len(payload) > _LONGEST:
        raise PublishError(f"not a {schema} message: longer than {_LONGEST} bytes")
    # Who hands payloads on as lines counts on it; texts in JSON have none of these as they are.
    if b"\n" in payload or b"\r" in payload:
        raise PublishError(f"not a {schema} message: not on one line")
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise PublishError(f"not a {schema} message: not JSON") from None
    name = document.get("schema") if isinstance(document, dict) else None
    if name != schema:
        named = shown(name) if isinstance(name, str) else "missing"
        raise PublishError(f"not a {schema} message: its schema is {named}")
    try:
        return read(document)
    except ShapeError as error:
        raise PublishError(f"not a {schema} message: {error}") from None


def _fields(value: Any) -> dict[str, Any]:
    return {
        json_name(field.name): getattr(value, field.name) for field in dataclasses.fields(value)
    }


_read_detections = reader(DetectionMessage)
_read_status = reader(StatusMessage)
_read_event = reader(EventMessage)
_read_narration = reader(NarrationMessage)
