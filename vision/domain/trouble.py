"""What keeps messages of one camera from being written or read while everything else works."""

from __future__ import annotations

from enum import StrEnum


class Trouble(StrEnum):
    """A kind of trouble; also the label of its metric."""

    HELD = "held"
    """Redis refuses the camera's messages for a reason that can pass; they wait."""
    DROPPED = "dropped"
    """Messages of the camera were lost."""
    OUTRUN = "outrun"
    """The slot for frames knows a newer run of the camera and takes none of ours."""
    OTHER_WRITER = "other_writer"
    """Another process publishes the same camera."""
    UNREADABLE = "unreadable"
    """What the camera's name stands for on Redis cannot be read."""
    OUT_OF_RANGE = "out_of_range"
    """The model answered with scores or boxes that mean nothing; they were left out."""
