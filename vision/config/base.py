"""The base of all settings models, and checks of names and addresses."""

from __future__ import annotations

import re
from typing import Any, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


def is_http_url(url: str) -> bool:
    """Whether it is a well-formed address of ``http`` or ``https`` with a host."""
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
        (parts.hostname or "").encode("ascii")
    except ValueError:
        return False
    is_text = url.isascii() and url.isprintable() and " " not in url
    return (
        port_is_valid
        and is_text
        and parts.scheme in ("http", "https")
        and parts.hostname is not None
    )


def no_truth_value(value: Any) -> Any:
    """``value``, unless it is true or false, which Python takes for the numbers 1 and 0.

    Raises:
        ValueError: It is.
    """
    if isinstance(value, bool):
        raise ValueError(f"must be a number, not {str(value).lower()}: write the number")  # noqa: TRY004  what pydantic expects
    return value


class SettingsModel(BaseModel):
    """Base of a group of settings: frozen, and a key nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[info.field_name or ""].annotation
        is_number = {int, float}.intersection((kind, *get_args(kind)))
        return no_truth_value(value) if is_number else value


# Fits a Redis key between braces, an environment variable, a compose service and a file name.
_NAME = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")


def checked_name(name: str, *, whose: str, part_of: str, length: int) -> str:
    """The name, if it is one of up to ``length`` characters.

    Raises:
        ValueError: It is not; the text says whose name becomes part of what.
    """
    if len(name) > length or not _NAME.fullmatch(name):
        raise ValueError(
            f"a {whose}'s name becomes part of {part_of}: use up to {length} of a-z, 0-9 and "
            "single '-' or '_' between them"
        )
    return name
