"""Messages to compact UTF-8 JSON and back."""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias, get_args, get_origin, get_type_hints

import orjson

from vision.domain.errors import PublishError
from vision.domain.message import (
    DETECTIONS_SCHEMA,
    STATUS_SCHEMA,
    DetectionMessage,
    StatusMessage,
)
from vision.telemetry.redaction import process_redactor

_Reader: TypeAlias = Callable[[object], Any]
_SHOWN_CHARACTERS = 40
_RUN = re.compile(r"0|[1-9][0-9]{0,18}")
_NAMES = {str: "a string", int: "an integer", float: "a number"}


def encode(message: DetectionMessage | StatusMessage) -> bytes:
    """The document that channel and stream carry, keys in the order of the dataclass.

    A reason is free text, so it passes redaction on its way out of the process.
    """
    if isinstance(message, StatusMessage):
        reason = process_redactor.redact(message.reason)
        message = dataclasses.replace(message, reason=reason)
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


def add_skipped(payload: bytes, frames: int) -> bytes:
    """The same detection message with ``frames`` more in ``skipped``."""
    message = decode_detections(payload)
    return encode(dataclasses.replace(message, skipped=message.skipped + frames))


def _decode(read: _Reader, schema: str, payload: bytes) -> Any:
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise PublishError(f"not a {schema} message: not JSON") from None
    name = document.get("schema") if isinstance(document, dict) else None
    if name != schema:
        shown = _shown(name) if isinstance(name, str) else "missing"
        raise PublishError(f"not a {schema} message: its schema is {shown}")
    try:
        message = read(document)
    except _ShapeError as error:
        raise PublishError(f"not a {schema} message: {error}") from None
    if not _RUN.fullmatch(message.run):
        raise PublishError(f"not a {schema} message: run is {_shown(message.run)}, no number")
    return message


class _ShapeError(Exception):
    """What is wrong with a value, and where it stands in the document."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem)
        self._problem = problem
        self._path = path

    def __str__(self) -> str:
        return f"{self._path or 'the document'} {self._problem}"

    def within(self, step: str) -> _ShapeError:
        """The same, seen from the object or list around it."""
        dot = "" if not self._path or self._path.startswith("[") else "."
        return _ShapeError(self._problem, f"{step}{dot}{self._path}")


def _shown(text: str) -> str:
    """A foreign text on one short line."""
    return repr(text[:_SHOWN_CHARACTERS])


def _reader(kind: Any) -> _Reader:
    """What makes a ``kind`` (dataclass, tuple, optional or scalar) of a JSON value."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _object_reader(kind)
    if get_origin(kind) is tuple:
        return _tuple_reader(get_args(kind))
    if get_origin(kind) is types.UnionType:
        present = next(part for part in get_args(kind) if part is not types.NoneType)
        read_present = _reader(present)
        return lambda value: None if value is None else read_present(value)
    return _scalar_reader(kind)


def _scalar_reader(kind: type) -> _Reader:
    def read(value: object) -> object:
        # By exact type: in Python a bool is an int, in JSON it is not.
        if type(value) is kind:
            return value
        if kind is float and type(value) is int:
            return float(value)
        raise _ShapeError(f"is not {_NAMES[kind]}")

    return read


def _object_reader(kind: type) -> _Reader:
    hints = get_type_hints(kind)
    readers = {field.name: _reader(hints[field.name]) for field in dataclasses.fields(kind)}

    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise _ShapeError("is not an object")
        if value.keys() != readers.keys():
            _complain_of_keys(value, readers)
        parts = {}
        for name, read_part in readers.items():
            try:
                parts[name] = read_part(value[name])
            except _ShapeError as error:
                raise error.within(name) from None
        return kind(**parts)

    return read


def _complain_of_keys(value: dict[str, object], wanted: dict[str, _Reader]) -> NoReturn:
    for name in wanted:
        if name not in value:
            raise _ShapeError("is missing", name)
    unknown = next(name for name in value if name not in wanted)
    raise _ShapeError(f"has an unknown key {_shown(unknown)}")


def _tuple_reader(kinds: tuple[Any, ...]) -> _Reader:
    is_open = kinds[-1] is Ellipsis
    readers = [_reader(kind) for kind in kinds if kind is not Ellipsis]

    def read(value: object) -> object:
        if not isinstance(value, list):
            raise _ShapeError("is not a list")
        if not is_open and len(value) != len(readers):
            raise _ShapeError(f"is not a list of {len(readers)}")
        parts = []
        for index, part in enumerate(value):
            try:
                parts.append(readers[0 if is_open else index](part))
            except _ShapeError as error:
                raise error.within(f"[{index}]") from None
        return tuple(parts)

    return read


_read_detections = _reader(DetectionMessage)
_read_status = _reader(StatusMessage)
