"""The store of pictures of events that the settings name."""

from __future__ import annotations

from vision.config.settings import Settings
from vision.events.snapshot_store import SnapshotStore

_DAY_S = 86_400.0
_MIB = 1 << 20


def snapshot_store(settings: Settings) -> SnapshotStore | None:
    """None when no pictures are kept; nothing is read or made yet."""
    wanted = settings.events.snapshots
    if not wanted.enabled:
        return None
    return SnapshotStore(
        wanted.dir, max_age_s=wanted.max_age_days * _DAY_S, max_bytes=wanted.max_mib * _MIB
    )
