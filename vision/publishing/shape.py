"""What makes a typed message of a JSON value, or says where it does not fit."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from itertools import repeat
from typing import (
    Annotated,
    Any,
    NoReturn,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from vision.domain.contract import Check

Reader: TypeAlias = Callable[[object], Any]
_SHOWN_CHARACTERS = 40
# Beyond any number that means something here; squares and sums of these are still numbers.
_LARGEST_FLOAT = 1e100
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

    A kind that is annotated with a :class:`~vision.domain.contract.Check` has to pass it.
    ``named`` gives the key of a field.
    """
    if get_origin(kind) is Annotated:
        base, *notes = get_args(kind)
        read = reader(base, named)
        for note in notes:
            if isinstance(note, Check):
                read = _checked(read, note.problem)
        return read
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _object_reader(kind, named)
    if get_origin(kind) is tuple:
        return _tuple_reader(get_args(kind), named)
    if get_origin(kind) in (types.UnionType, Union):
        present = next(part for part in get_args(kind) if part is not types.NoneType)
        read_present = reader(present, named)
        return lambda value: None if value is None else read_present(value)
    if get_origin(kind) is Mapping:
        return _mapping_reader(*(reader(part, named) for part in get_args(kind)))
    return _float_reader if kind is float else _scalar_reader(kind)


def _checked(read: Reader, problem_of: Callable[[Any], str | None]) -> Reader:
    def read_checked(value: object) -> object:
        made = read(value)
        if (problem := problem_of(made)) is not None:
            raise ShapeError(problem)
        return made

    return read_checked


def _float_reader(value: object) -> object:
    # By exact type, as below.
    if type(value) is int:
        value = float(value)
    if type(value) is not float:
        raise ShapeError(f"is not {_NAMES[float]}")
    # False for what is not a number, too.
    if not -_LARGEST_FLOAT <= value <= _LARGEST_FLOAT:
        raise ShapeError("is out of range")
    return value


def _scalar_reader(kind: type) -> Reader:
    def read(value: object) -> object:
        # By exact type: in Python a bool is an int, in JSON it is not.
        if type(value) is kind:
            return value
        raise ShapeError(f"is not {_NAMES[kind]}")

    return read


def _mapping_reader(read_name: Reader, read_value: Reader) -> Reader:
    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise ShapeError("is not an object")
        parts = {}
        for name, part in value.items():
            try:
                parts[read_name(name)] = read_value(part)
            except ShapeError as error:
                raise error.within(shown(name)) from None
        return parts

    return read


def _object_reader(kind: type, named: Callable[[str], str]) -> Reader:
    hints = get_type_hints(kind, include_extras=True)
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
        each = repeat(readers[0]) if is_open else readers
        parts: list[Any] = []
        try:
            for read_part, part in zip(each, value, strict=False):
                parts.append(read_part(part))
        except ShapeError as error:
            raise error.within(f"[{len(parts)}]") from None
        return tuple(parts)

    return read
