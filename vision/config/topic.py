"""What groups of settings have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Topic(BaseModel):
    """Base of a group of settings: frozen, and a key nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
