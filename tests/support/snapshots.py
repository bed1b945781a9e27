"""A store of pictures with a clock of its own, and what it says of itself."""

from __future__ import annotations

import os
from pathlib import Path

from vision.events.snapshot_store import (
    SnapshotFailure,
    SnapshotRemoval,
    SnapshotStore,
    StoreObserver,
    snapshot_path,
)

DAY_S = 86_400
NOW_S = 1_763_898_000.0
JPEG = b"\xff\xd8 a picture"


class Clock:
    """UTC that a test moves."""

    def __init__(self) -> None:
        self.s = NOW_S

    def __call__(self) -> float:
        """Seconds now."""
        return self.s


class RecordingObserver:
    """Writes down what a store says of itself."""

    def __init__(self) -> None:
        self.kept_of: list[str] = []
        self.failures: list[tuple[str, SnapshotFailure]] = []
        self.removals: list[SnapshotRemoval] = []
        self.looks: list[tuple[int, float | None]] = []

    def kept(self, camera: str) -> None:
        """Its camera."""
        self.kept_of.append(camera)

    def failed(self, camera: str, reason: SnapshotFailure) -> None:
        """Camera and reason."""
        self.failures.append((camera, reason))

    def removed(self, reason: SnapshotRemoval) -> None:
        """The reason."""
        self.removals.append(reason)

    def measured(self, held_bytes: int, oldest_s: float | None) -> None:
        """Both."""
        self.looks.append((held_bytes, oldest_s))


def event_id(number: int, camera: str = "front") -> str:
    """The id of an event."""
    return f"{camera}:1763898000123-{number}-0"


def store_in(
    folder: Path,
    clock: Clock | None = None,
    max_bytes: int = 10_000,
    observer: StoreObserver | None = None,
) -> SnapshotStore:
    """A store for a day."""
    return SnapshotStore(
        folder,
        max_age_s=DAY_S,
        max_bytes=max_bytes,
        observer=observer,
        utc_s=clock or (lambda: NOW_S),
    )


def kept(folder: Path) -> list[str]:
    """What lies in a folder, all of it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def taken_at(folder: Path, number: int, at_s: float) -> None:
    """Have a picture be from another time."""
    os.utime(folder / str(snapshot_path(event_id(number))), (at_s, at_s))
