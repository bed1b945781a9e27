"""What makes a typed message of a JSON value, or says where it does not fit."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias, get_args, get_origin, get_type_hints

Reader: TypeAlias = Callable[[object], Any]
_SHOWN_CHARACTERS = 40
_NAMES = {str: "a string", int: "an integer", float: "a number", bool: "a boolean"}


class ShapeError(Exception):
    """What is wrong with a value, and where it stands in the document."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem)
        self._problem = problem
        self._path = path

    def __str__(self) -> str:
        return f"{self._path or 'the document'} {self._problem}"

    def within(self, step: str) -> ShapeError:
        """The same, seen from the object or list around it."""
        dot = "" if not self._path or self._path.startswith("[") else "."
        return ShapeError(self._problem, f"{step}{dot}{self._path}")


def shown(text: str) -> str:
    """A foreign text on one short line."""
    return repr(text[:_SHOWN_CHARACTERS])


def json_name(name: str) -> str:
    """The key of a dataclass's field: what is a keyword of Python has an underscore there."""
    return name.removesuffix("_")


def reader(kind: Any, named: Callable[[str], str] = json_name) -> Reader:
    """What makes a ``kind`` (dataclass, tuple, mapping, optional or scalar) of a JSON value.

    ``named`` gives the key of a field.
    """
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _object_reader(kind, named)
    if get_origin(kind) is tuple:
        return _tuple_reader(get_args(kind), named)
    if get_origin(kind) is types.UnionType:
        present = next(part for part in get_args(kind) if part is not types.NoneType)
        read_present = reader(present, named)
        return lambda value: None if value is None else read_present(value)
    if get_origin(kind) is Mapping:
        return _mapping_reader(reader(get_args(kind)[1], named))
    return _scalar_reader(kind)


def _scalar_reader(kind: type) -> Reader:
    def read(value: object) -> object:
        # By exact type: in Python a bool is an int, in JSON it is not.
        if type(value) is kind:
            return value
        if kind is float and type(value) is int:
            return float(value)
        raise ShapeError(f"is not {_NAMES[kind]}")

    return read


def _mapping_reader(read_value: Reader) -> Reader:
    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise ShapeError("is not an object")
        parts = {}
        for name, part in value.items():
            try:
                parts[name] = read_value(part)
            except ShapeError as error:
                raise error.within(shown(name)) from None
        return parts

    return read


def _object_reader(kind: type, named: Callable[[str], str]) -> Reader:
    hints = get_type_hints(kind)
    names = {named(field.name): field.name for field in dataclasses.fields(kind)}
    readers = {key: reader(hints[name], named) for key, name in names.items()}

    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise ShapeError("is not an object")
        if value.keys() != readers.keys():
            _complain_of_keys(value, readers)
        parts = {}
        for name, read_part in readers.items():
            try:
                parts[names[name]] = read_part(value[name])
            except ShapeError as error:
                raise error.within(name) from None
        return kind(**parts)

    return read


def _complain_of_keys(value: dict[str, object], wanted: dict[str, Reader]) -> NoReturn:
    for name in wanted:
        if name not in value:
            raise ShapeError("is missing", name)
    unknown = next(name for name in value if name not in wanted)
    raise ShapeError(f"has an unknown key {shown(unknown)}")


def _tuple_reader(kinds: tuple[Any, ...], named: Callable[[str], str]) -> Reader:
    is_open = kinds[-1] is Ellipsis
    readers = [reader(kind, named) for kind in kinds if kind is not Ellipsis]

    def read(value: object) -> object:
        if not isinstance(value, list):
            raise ShapeError("is not a list")
        if not is_open and len(value) != len(readers):
            raise ShapeError(f"is not a list of {len(readers)}")
        parts = []
        for index, part in enumerate(value):
            try:
                parts.append(readers[0 if is_open else index](part))
            except ShapeError as error:
                raise error.within(f"[{index}]") from None
        return tuple(parts)

    return read
