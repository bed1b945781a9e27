"""Every setting with its default and meaning, read off the models themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from vision.config.camera import CameraSettings
from vision.config.settings import Settings


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting.

    Attributes:
        key: Dotted, ``*`` for a camera's name.
        default: As one would write it in YAML, or ``required``.
        meaning: One phrase.
    """

    key: str
    default: str
    meaning: str


@cache
def setting_rows() -> tuple[SettingRow, ...]:
    """All settings in the order of their declaration."""
    return tuple(_rows(Settings, ""))


@cache
def known_keys() -> frozenset[str]:
    """The dotted keys of all settings."""
    return frozenset(row.key for row in setting_rows())


def settings_markdown() -> str:
    """The table of docs/settings.md."""
    lines = ["| key | default | meaning |", "| --- | --- | --- |"]
    lines += [
        f"| `{row.key.replace('*', 'NAME')}` | `{row.default}` | {row.meaning} |"
        for row in setting_rows()
    ]
    return "\n".join(lines)


def _rows(model: type[BaseModel], prefix: str) -> Iterator[SettingRow]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        if key == "cameras":
            yield from _rows(CameraSettings, "cameras.*.")
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _rows(field.annotation, f"{key}.")
        else:
            yield SettingRow(key, _default_text(field), field.description or "")
            for part in get_args(field.annotation):
                # A list of groups: the keys of one of them.
                if isinstance(part, type) and issubclass(part, BaseModel):
                    yield from _rows(part, f"{key}[].")


def _default_text(field: FieldInfo) -> str:
    default: Any = field.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return "required"
    if default is None:
        return "none"
    if isinstance(default, tuple):
        return f"[{', '.join(map(str, default))}]"
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)
