"""The metrics of what tracks objects; see :mod:`vision.telemetry.families`."""

from __future__ import annotations

from vision.domain.event import EventType, GapReason
from vision.telemetry.family import Family, Kind, Label, Role

_ROLES: tuple[Role, ...] = ("node", "events")
_CAMERA = Label("camera", origin="the settings and Redis")

EVENTS = Family(
    "vision_events",
    Kind.COUNTER,
    "messages of events that were told, by what they say and of what",
    (_CAMERA, Label("type", tuple(EventType)), Label("label", origin="the model")),
    _ROLES,
)
OPEN = Family(
    "vision_events_open",
    Kind.GAUGE,
    "events that have begun and not ended",
    (_CAMERA,),
    _ROLES,
)
LAG = Family(
    "vision_events_lag_seconds",
    Kind.GAUGE,
    "time from the arrival of the newest frame that was tracked until it was",
    (_CAMERA,),
    _ROLES,
)
FRAMES = Family(
    "vision_events_frames",
    Kind.COUNTER,
    "inferred frames that were tracked",
    (_CAMERA,),
    _ROLES,
)
GAPS = Family(
    "vision_events_gaps",
    Kind.COUNTER,
    "spans between two tracked frames that nobody looked at",
    (_CAMERA, Label("reason", tuple(GapReason))),
    _ROLES,
)

FAMILIES = (EVENTS, OPEN, LAG, FRAMES, GAPS)
