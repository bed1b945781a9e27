"""The store of pictures of events that the settings name."""

from __future__ import annotations

from vision.config.settings import Settings
from vision.events.snapshot_store import SnapshotStore
from vision.telemetry.snapshot_metrics import SnapshotMetrics

_DAY_S = 86_400.0
_MIB = 1 << 20


def snapshot_store(
    settings: Settings, metrics: SnapshotMetrics | None = None
) -> SnapshotStore | None:
    """None when no pictures are kept; nothing is read or made yet.

    ``metrics`` are for whoever writes.
    """
    wanted = settings.events.snapshots
    if not wanted.enabled:
        return None
    max_bytes = wanted.max_mib * _MIB
    if metrics:
        metrics.know_limit(max_bytes)
    return SnapshotStore(
        wanted.dir,
        max_age_s=wanted.max_age_days * _DAY_S,
        max_bytes=max_bytes,
        observer=metrics,
    )
