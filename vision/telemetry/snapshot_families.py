"""The metrics of pictures of events; see :mod:`vision.telemetry.families`."""

from __future__ import annotations

from vision.domain.snapshot import SnapshotFailure, SnapshotRemoval
from vision.telemetry.family import Family, Kind, Label, Role

_ROLES: tuple[Role, ...] = ("node", "events")
_CAMERA = Label("camera", origin="the settings and Redis")

TAKEN = Family(
    "vision_snapshots_taken",
    Kind.COUNTER,
    "pictures of events that were kept, each that took the place of another included",
    (_CAMERA,),
    _ROLES,
)
FAILED = Family(
    "vision_snapshots_failed",
    Kind.COUNTER,
    "pictures of events that could not be kept",
    (_CAMERA, Label("reason", tuple(SnapshotFailure))),
    _ROLES,
)
REMOVED = Family(
    "vision_snapshots_removed",
    Kind.COUNTER,
    "pictures of events that were removed, for their age or to make room",
    (Label("reason", tuple(SnapshotRemoval)),),
    _ROLES,
)
BYTES = Family(
    "vision_snapshots_bytes",
    Kind.GAUGE,
    "disk of the pictures of events, looked at once a minute; 0 without events.snapshots.enabled",
    (),
    _ROLES,
)
LIMIT_BYTES = Family(
    "vision_snapshots_limit_bytes",
    Kind.GAUGE,
    "disk that pictures of events may take; 0 without events.snapshots.enabled",
    (),
    _ROLES,
)
OLDEST_AGE = Family(
    "vision_snapshots_oldest_age_seconds",
    Kind.GAUGE,
    "age of the oldest picture of an event that is kept; 0 without any",
    (),
    _ROLES,
)

FAMILIES = (TAKEN, FAILED, REMOVED, BYTES, LIMIT_BYTES, OLDEST_AGE)
"""What is measured where pictures of events are kept."""
