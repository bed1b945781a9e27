"""What the narrator measures of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import Counter, Gauge, Histogram

from vision.domain.narration import AttemptOutcome
from vision.resilience.breaker import BreakerState
from vision.resilience.troubles import Troubles
from vision.telemetry import narration_families as f
from vision.telemetry.metrics import NodeMetrics

_SECONDS = (0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 5)


class NarrationMetrics(NodeMetrics):
    """As all roles, and what came of providers. Thread-safe."""

    def __init__(self, troubles: Troubles | None = None) -> None:
        super().__init__(lambda: (), "narrate", troubles=troubles)
        self._attempts = self._make(Counter, f.ATTEMPTS)
        self._attempt_seconds = self._make(Histogram, f.ATTEMPT_SECONDS, buckets=_SECONDS)
        self._provider_state = self._make(Gauge, f.PROVIDER_STATE)
        self.narrations = self._make(Counter, f.NARRATIONS)
        self.narration_seconds = self._make(Histogram, f.NARRATION_SECONDS, buckets=_SECONDS)
        self.pending = self._make(Gauge, f.PENDING)
        self.newest_event = self._make(Gauge, f.NEWEST_EVENT)

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
