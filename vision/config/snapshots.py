"""Settings of the pictures of events."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from vision.config.topic import Topic


class SnapshotSettings(Topic):
    """A picture of each event, kept for a while."""

    enabled: bool = Field(False, description="keep a picture of the best frame of each event")
    dir: Path = Field(
        Path("data/snapshots"),
        description="folder of these pictures, which show people: nobody else should read it",
    )
    max_age_days: float = Field(
        7.0, gt=0, le=3650, description="older pictures are removed; days since they were taken"
    )
    max_mib: int = Field(
        1024, ge=1, le=16_777_216, description="room for all of them; the oldest make way first"
    )
