"""The metrics of the narrator."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from vision.domain.narration import TEMPLATE, AttemptOutcome
from vision.resilience.breaker import BreakerState
from vision.resilience.troubles import Troubles
from vision.telemetry.family import CAMERA, Label, Role, counter, gauge, histogram
from vision.telemetry.metrics import NodeMetrics

_ROLES: tuple[Role, ...] = ("narrate",)
_PROVIDER = Label("provider", origin="the settings")
_SECONDS = (0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 5)

ATTEMPTS = counter(
    "vision_narration_attempts",
    "providers that were asked for a sentence or passed over, by what came of it",
    (_PROVIDER, Label("outcome", tuple(AttemptOutcome))),
    _ROLES,
)
ATTEMPT_SECONDS = histogram(
    "vision_narration_attempt_seconds",
    "time a provider took that was asked, until it answered or was given up",
    _SECONDS,
    (_PROVIDER,),
    _ROLES,
)
PROVIDER_STATE = gauge(
    "vision_narration_provider_state",
    "1 for the state of a provider's circuit breaker that holds",
    (_PROVIDER, Label("state", tuple(BreakerState))),
    _ROLES,
)
NARRATIONS = counter(
    "vision_narrations",
    "sentences that Redis took, by who wrote them",
    (CAMERA, Label("provider", origin=f"the settings, or `{TEMPLATE}`")),
    _ROLES,
)
NARRATION_SECONDS = histogram(
    "vision_narration_seconds",
    "from an event's arrival at the narrator until its sentence went to Redis",
    _SECONDS,
    roles=_ROLES,
)
PENDING = gauge("vision_narrations_pending", "events whose sentences are under way", roles=_ROLES)
NEWEST_EVENT = gauge(
    "vision_narration_newest_event_timestamp_seconds",
    "when the newest message of an event arrived, told of or not, seconds since 1970",
    (CAMERA,),
    _ROLES,
)


class NarrationMetrics(NodeMetrics):
    """As all roles, and what came of providers. Thread-safe."""

    def __init__(self, troubles: Troubles | None = None) -> None:
        super().__init__(lambda: (), "narrate", troubles=troubles)
        self._attempts = self.create(ATTEMPTS)
        self._attempt_seconds = self.create(ATTEMPT_SECONDS)
        self._provider_state = self.create(PROVIDER_STATE)
        self.narrations = self.create(NARRATIONS)
        self.narration_seconds = self.create(NARRATION_SECONDS)
        self.pending = self.create(PENDING)
        self.newest_event = self.create(NEWEST_EVENT)

    def know_provider(self, name: str, state: Callable[[], BreakerState]) -> None:
        """Begin a provider's series; ``state`` is read when somebody asks."""
        for outcome in AttemptOutcome:
            self._attempts.labels(name, outcome.value)
        self._attempt_seconds.labels(name)
        for value in BreakerState:
            gauge = self._provider_state.labels(name, value.value)
            gauge.set_function(lambda value=value: float(state() is value))  # type: ignore[misc]

    def count_attempt(self, name: str, outcome: AttemptOutcome, latency_s: float) -> None:
        """Note what came of a provider; times are those of the ones that were asked."""
        self._attempts.labels(name, outcome.value).inc()
        if outcome.is_asked:
            self._attempt_seconds.labels(name).observe(latency_s)

    def know_narrators(self, camera: str, names: Iterable[str]) -> None:
        """Begin a camera's series before anything is told of it."""
        for name in names:
            self.narrations.labels(camera, name)
