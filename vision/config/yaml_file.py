"""A YAML file as plain values, read with bounds: its size says nothing of what it stands for."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any, cast

import yaml

from vision.domain.errors import ConfigError

_LARGEST_BYTES = 1 << 20
_LONGEST_SCALAR = 4096
_DEEPEST = 100
_MOST_VALUES = 200_000
_KINDS = stat.S_IFREG, stat.S_IFCHR
# What PyYAML lets through of int(), datetime.date() and the like, as on `2026-99-99`.
_VALUE_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
# As YAML 1.2 (5.1) has it, but for the byte order mark at the beginning.
_NOT_TEXT = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _BoundedLoader(yaml.SafeLoader):
    """A safe loader with bounds, which refuses a key given twice, as YAML 1.2 (3.2.1.1) does."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        # How many values each node stands for, aliases counted as often as they stand there.
        self._values = dict[int, int]()
        self._merged = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]  # PyYAML has no types
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ConfigError(f"line {line}: is nested deeper than {_DEEPEST} levels: flatten it")
        is_alias = self.check_event(yaml.AliasEvent)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if is_alias and id(node) not in self._values:
            raise ConfigError(f"line {line}: a value holds an alias ('*') of itself: remove it")
        if node is not None and not is_alias:
            self._count(node, line)
        return node

    def _count(self, node: yaml.Node, line: int) -> None:
        values = 1
        if isinstance(node, yaml.ScalarNode):
            if len(node.value) > _LONGEST_SCALAR:
                raise ConfigError(
                    f"line {line}: holds a value of more than {_LONGEST_SCALAR} characters: shorten it"
                )
        elif isinstance(node, yaml.MappingNode):
            values += sum(self._values[id(part)] for pair in node.value for part in pair)
        elif isinstance(node, yaml.SequenceNode):
            values += sum(self._values[id(part)] for part in node.value)
        self._values[id(node)] = values
        if values > _MOST_VALUES:
            raise ConfigError(
                f"line {line}: stands for more than {_MOST_VALUES} values: name fewer, or remove "
                "the aliases ('*') of aliases"
            )

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        self._merged += len(node.value)
        if self._merged > _MOST_VALUES:
            raise ConfigError(
                f"line {node.start_mark.line + 1}: merges ('<<') more than {_MOST_VALUES} values: "
                "write out what is meant"
            )

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  the signature is PyYAML's
        first_line: dict[str, int] = {}
        for key_node, _ in node.value:
            name, line = str(key_node.value), key_node.start_mark.line + 1
            if name in first_line:
                raise ConfigError(
                    f"line {line}: {name!r} stands twice, first in line {first_line[name]}: "
                    "rename or remove one"
                )
            first_line[name] = line
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path) -> object:
    """What the file ``path`` holds; None if that is nothing.

    Raises:
        FileNotFoundError: There is no such file.
        ConfigError: One line with the file, the line in it where that helps, and the remedy.
    """
    try:
        return cast("object", yaml.load(_text_of(path), _BoundedLoader))  # noqa: S506  derives from SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}: line {line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError:
        raise ConfigError(f"{path}: not valid YAML") from None
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply for a configuration") from None
    except _VALUE_ERRORS:
        raise ConfigError(
            f"{path}: not valid YAML: a value is not of the kind it is written as"
        ) from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _text_of(path: Path) -> str:
    try:
        data = _bytes_of(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}: name another file") from None
    if len(data) > _LARGEST_BYTES:
        raise ConfigError(f"is larger than {_LARGEST_BYTES >> 20} MiB: is it the right file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"line {line}: cannot be read: not UTF-8 text: save it as UTF-8"
        ) from None
    if odd := _NOT_TEXT.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        raise ConfigError(
            f"line {line}: holds the character U+{ord(odd[0]):04X}, which YAML does not allow: "
            "remove it, or save the file as UTF-8"
        )
    return text


def _bytes_of(path: Path) -> bytes:
    # Not blocking: a pipe with nobody at its other end would keep the program waiting.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if stat.S_IFMT(os.fstat(descriptor).st_mode) not in _KINDS:
            raise ConfigError("is no regular file: name one with --config")
        data = b""
        while len(data) <= _LARGEST_BYTES and (more := os.read(descriptor, _LARGEST_BYTES)):
            data += more
        return data
    finally:
        os.close(descriptor)
