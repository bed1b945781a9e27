"""Programs that a test needs and not every machine has."""

from __future__ import annotations

import shutil

import pytest


def require_program(name: str) -> str:
    """The path of a program; the test is skipped where it is not installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path
