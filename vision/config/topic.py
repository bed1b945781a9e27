"""What groups of settings have in common."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


def no_truth_value(value: Any) -> Any:
    """``value``, unless it is true or false, which Python takes for the numbers 1 and 0.

    Raises:
        ValueError: It is.
    """
    if isinstance(value, bool):
        raise ValueError(f"must be a number, not {str(value).lower()}: write the number")  # noqa: TRY004  what pydantic expects
    return value


class Topic(BaseModel):
    """Base of a group of settings: frozen, and a key nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[info.field_name or ""].annotation
        is_number = {int, float}.intersection((kind, *get_args(kind)))
        return no_truth_value(value) if is_number else value
