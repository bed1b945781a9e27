"""The metrics of the narrator; see :mod:`vision.telemetry.families`."""

from __future__ import annotations

from vision.domain.narration import TEMPLATE, AttemptOutcome
from vision.resilience.breaker import BreakerState
from vision.telemetry.family import Family, Kind, Label, Role

_ROLES: tuple[Role, ...] = ("narrate",)
_PROVIDER = Label("provider", origin="the settings")
_CAMERA = Label("camera", origin="Redis")

ATTEMPTS = Family(
    "vision_narration_attempts",
    Kind.COUNTER,
    "providers that were asked for a sentence or passed over, by what came of it",
    (_PROVIDER, Label("outcome", tuple(AttemptOutcome))),
    _ROLES,
)
ATTEMPT_SECONDS = Family(
    "vision_narration_attempt_seconds",
    Kind.HISTOGRAM,
    "time a provider took that was asked, until it answered or was given up",
    (_PROVIDER,),
    _ROLES,
)
PROVIDER_STATE = Family(
    "vision_narration_provider_state",
    Kind.GAUGE,
    "1 for the state of a provider's circuit breaker that holds",
    (_PROVIDER, Label("state", tuple(BreakerState))),
    _ROLES,
)
NARRATIONS = Family(
    "vision_narrations",
    Kind.COUNTER,
    "sentences that Redis took, by who wrote them",
    (_CAMERA, Label("provider", origin=f"the settings, or `{TEMPLATE}`")),
    _ROLES,
)
NARRATION_SECONDS = Family(
    "vision_narration_seconds",
    Kind.HISTOGRAM,
    "from an event's arrival at the narrator until its sentence went to Redis",
    (),
    _ROLES,
)
PENDING = Family(
    "vision_narrations_pending", Kind.GAUGE, "events whose sentences are under way", (), _ROLES
)
NEWEST_EVENT = Family(
    "vision_narration_newest_event_timestamp_seconds",
    Kind.GAUGE,
    "when the newest message of an event arrived, told of or not, seconds since 1970",
    (_CAMERA,),
    _ROLES,
)

FAMILIES = (
    ATTEMPTS,
    ATTEMPT_SECONDS,
    PROVIDER_STATE,
    NARRATIONS,
    NARRATION_SECONDS,
    PENDING,
    NEWEST_EVENT,
)
