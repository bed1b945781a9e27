"""The callback of whoever need not be told."""

from __future__ import annotations


def noop(*_arguments: object, **_named: object) -> None:
    """Do nothing."""
