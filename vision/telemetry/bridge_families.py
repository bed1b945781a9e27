"""The metrics of bridges; see :mod:`vision.telemetry.families`."""

from __future__ import annotations

from vision.domain.bridge import BridgeFailure, BridgeLoss
from vision.telemetry.family import Family, Kind, Label, Role

_ROLES: tuple[Role, ...] = ("bridge",)
_TARGET = Label("target", origin="`mqtt`, or the name of a webhook in the settings")

SENT = Family(
    "vision_bridge_sent",
    Kind.COUNTER,
    "messages that the other side confirmed, states among them",
    (_TARGET,),
    _ROLES,
)
FAILED = Family(
    "vision_bridge_failed",
    Kind.COUNTER,
    "attempts that failed, each followed by another one",
    (_TARGET, Label("reason", tuple(BridgeFailure))),
    _ROLES,
)
LOST = Family(
    "vision_bridge_lost",
    Kind.COUNTER,
    "messages of events that will never arrive",
    (_TARGET, Label("reason", tuple(BridgeLoss))),
    _ROLES,
)
WAITING = Family(
    "vision_bridge_waiting_messages",
    Kind.GAUGE,
    "messages on the streams and on the way that the other side has not confirmed",
    (_TARGET,),
    _ROLES,
)
CONNECTED = Family(
    "vision_bridge_connected",
    Kind.GAUGE,
    "1 while the broker is connected, or since a webhook took the last message",
    (_TARGET,),
    _ROLES,
)

FAMILIES = (SENT, FAILED, LOST, WAITING, CONNECTED)
