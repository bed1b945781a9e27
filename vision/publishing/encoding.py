"""Messages to compact UTF-8 JSON and back."""

from __future__ import annotations

import dataclasses
import functools
import types
from typing import Any, NoReturn, TypeVar, get_args, get_origin, get_type_hints

import orjson

from vision.domain.errors import PublishError
from vision.domain.message import (
    DETECTIONS_SCHEMA,
    STATUS_SCHEMA,
    DetectionMessage,
    StatusMessage,
)

_Message = TypeVar("_Message", DetectionMessage, StatusMessage)
_SHOWN_CHARACTERS = 40
_NAMES = {str: "a string", int: "an integer", float: "a number"}


def encode(message: DetectionMessage | StatusMessage) -> bytes:
    """The document that channel and stream carry, keys in the order of the dataclass."""
    return orjson.dumps(message)


def decode_detections(payload: bytes) -> DetectionMessage:
    """The message in ``payload``.

    Raises:
        PublishError: It is no such message; one line that names the first wrong field.
    """
    return _decode(DetectionMessage, DETECTIONS_SCHEMA, payload)


def decode_status(payload: bytes) -> StatusMessage:
    """As :func:`decode_detections`, for a status message."""
    return _decode(StatusMessage, STATUS_SCHEMA, payload)


def add_skipped(payload: bytes, frames: int) -> bytes:
    """The same detection message with ``frames`` more in ``skipped``."""
    message = decode_detections(payload)
    return encode(dataclasses.replace(message, skipped=message.skipped + frames))


def _decode(kind: type[_Message], schema: str, payload: bytes) -> _Message:
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise PublishError(f"not a {schema} message: not JSON") from None
    name = document.get("schema") if isinstance(document, dict) else None
    if name != schema:
        shown = _shown(name) if isinstance(name, str) else "missing"
        raise PublishError(f"not a {schema} message: its schema is {shown}")
    try:
        message: _Message = _read(kind, document, "")
    except _ShapeError as error:
        raise PublishError(f"not a {schema} message: {error}") from None
    return message


class _ShapeError(Exception):
    """Where a document differs from the dataclass."""


def _fail(path: str, expected: str) -> NoReturn:
    raise _ShapeError(f"{path or 'the document'} is not {expected}")


def _shown(text: str) -> str:
    """A foreign text on one short line."""
    return repr(text[:_SHOWN_CHARACTERS])


@functools.cache
def _fields(kind: type) -> dict[str, Any]:
    """Name and resolved type of each field of a dataclass, in order."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _read(kind: Any, value: object, path: str) -> Any:
    """``value`` as ``kind``: a dataclass, tuple, optional or scalar type."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _read_object(kind, value, path)
    origin = get_origin(kind)
    if origin is tuple:
        return _read_tuple(get_args(kind), value, path)
    if origin is types.UnionType:
        present = next(part for part in get_args(kind) if part is not types.NoneType)
        return None if value is None else _read(present, value, path)
    # By exact type: in Python a bool is an int, in JSON it is not.
    if type(value) is kind:
        return value
    if kind is float and type(value) is int:
        return float(value)
    return _fail(path, _NAMES[kind])


def _read_object(kind: type, value: object, path: str) -> Any:
    if not isinstance(value, dict):
        _fail(path, "an object")
    fields = _fields(kind)
    prefix = f"{path}." if path else ""
    for name in fields:
        if name not in value:
            raise _ShapeError(f"{prefix}{name} is missing")
    for name in value:
        if name not in fields:
            raise _ShapeError(f"{path or 'the document'} has an unknown key {_shown(name)}")
    return kind(**{name: _read(part, value[name], prefix + name) for name, part in fields.items()})


def _read_tuple(parts: tuple[Any, ...], value: object, path: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        _fail(path, "a list")
    if parts[-1] is Ellipsis:
        parts = (parts[0],) * len(value)
    elif len(parts) != len(value):
        _fail(path, f"a list of {len(parts)}")
    return tuple(
        _read(part, item, f"{path}[{index}]")
        for index, (part, item) in enumerate(zip(parts, value, strict=True))
    )
