"""Settings and secret files: the only reader of the environment."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vision.config.loader import load_settings, settings_from
    from vision.config.secrets import Credentials, SecretFiles
    from vision.config.settings import Settings

__all__ = ["Credentials", "SecretFiles", "Settings", "load_settings", "settings_from"]

_HOMES = {
    "Credentials": "vision.config.secrets",
    "SecretFiles": "vision.config.secrets",
    "Settings": "vision.config.settings",
    "load_settings": "vision.config.loader",
    "settings_from": "vision.config.loader",
}


def __getattr__(name: str) -> Any:
    # On demand: a health check runs every few seconds and needs none of them (pydantic).
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(importlib.import_module(_HOMES[name]), name)
