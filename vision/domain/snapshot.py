"""What can become of the picture of an event."""

from __future__ import annotations

from enum import StrEnum


class SnapshotFailure(StrEnum):
    """Why a picture could not be kept."""

    FULL = "full"
    """There is no room left on the disk."""
    DENIED = "denied"
    """The folder may not be written, or cannot be."""
    TOO_LARGE = "too_large"
    """It alone is larger than all pictures together may be."""
    IO = "io"
    """Whatever else a disk says."""


class SnapshotRemoval(StrEnum):
    """Why a picture was removed."""

    AGE = "age"
    """It was older than ``events.snapshots.max_age_days``."""
    SIZE = "size"
    """It made room: all together were larger than ``events.snapshots.max_mib``."""
