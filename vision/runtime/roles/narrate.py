"""The narrator: events from Redis, sentences back to it."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from vision.config.settings import Settings
from vision.domain.event import EventMessage
from vision.events.service import snapshot_store
from vision.narration.loop import NarrationLoop, make_chain
from vision.narration.metrics import NarrationMetrics
from vision.narration.provider import Attempt
from vision.narration.queue import NarrationQueue
from vision.narration.wording import picture_url
from vision.narration.writer import NarrationWriter
from vision.publishing.reading.event_follower import EventFollower
from vision.publishing.reading.offsets import NarratorOffsets
from vision.resilience.breaker import BreakerState
from vision.runtime.components.threads import RoleThreads
from vision.runtime.health.liveness import Liveness
from vision.runtime.health.role_liveness import (
    reader_reasons,
    redis_fact,
    stalled_threads,
)
from vision.runtime.roles.service import Service

# Whoever waits while Redis takes no sentences does not look around.
_HELD_UP = 2


class NarrateRole(Service):
    """Tells of events in words; a second one beside it says nothing twice."""

    def __init__(self, settings: Settings) -> None:
        """Prepare to tell; neither Redis nor a provider needs to be there.

        Raises:
            ConfigError: A key, secret file or port is not in order.
        """
        super().__init__(settings, "narrate")
        narration = settings.narration
        self._snapshots = snapshot_store(settings)
        self._metrics = NarrationMetrics(self.troubles)
        self._chain = make_chain(narration, self.secrets, self._on_attempt)
        for provider in self._chain.providers:
            self._metrics.know_provider(provider.settings.name, lambda one=provider: one.state)  # type: ignore[misc]
        self._loop = NarrationLoop(self._chain)
        self._follower = EventFollower(
            settings.redis,
            self.redis_password,
            NarratorOffsets(),
            narration.cameras or (),
            on_invalid=self._metrics.count_invalid,
            troubles=self.troubles,
        )
        self._queue = NarrationQueue(
            narration,
            self._loop,
            NarrationWriter(
                settings.redis, self.redis_password, narration.stream_max_messages, self.troubles
            ),
            self._metrics,
            self._image_url,
            ack=self._follower.ack,
        )
        self._metrics.redis_up.set_function(lambda: float(self._follower.connected))
        self.expose(self._metrics)

    @property
    def is_reading(self) -> bool:
        """Whether it hears of events."""
        return self._follower.connected

    def exposition(self) -> str:
        """Its metrics, as Prometheus reads them."""
        return self._metrics.exposition()[0].decode()

    def _start(self, threads: RoleThreads) -> None:
        threads.start("providers", self._loop.run)
        threads.start("sentences", self._queue.run, threads.stop)
        threads.start("events", self._take_events, threads.stop)

    def _start_fields(self) -> Mapping[str, object]:
        names = [provider.settings.name for provider in self._chain.providers]
        return {
            "redis": self.redis_address,
            "providers": ",".join([*names, "template"]),
        }

    def _stop(self, threads: RoleThreads) -> None:
        threads.join("sentences", "events")
        self._follower.store()
        self._loop.stop()
        threads.join("providers")

    def _take_events(self, stop: threading.Event) -> None:
        for entry in self._follower.entries(stop):
            self._queue.put(entry, stop)

    def _on_attempt(self, attempt: Attempt) -> None:
        self._metrics.count_attempt(attempt.provider, attempt.outcome, attempt.latency_s)

    def _image_url(self, event: EventMessage) -> str | None:
        """The event's snapshot, where there is one and the settings let it out."""
        wanted = self.settings.narration.images and event.best.snapshot is not None
        if not wanted or self._snapshots is None:
            return None
        return picture_url(self._snapshots.read(event.camera, event.id))

    def _read_liveness(self) -> Liveness:
        is_connected = self._follower.connected
        # Sentences wait for Redis as long as it takes; whether it reads is then no sign.
        is_held_up = not is_connected or self._queue.depth >= _HELD_UP
        resting = [
            provider.settings.name
            for provider in self._chain.providers
            if provider.state is not BreakerState.CLOSED
        ]
        return Liveness(
            role=self.role,
            stuck=()
            if is_held_up
            else stalled_threads("reading", self._follower.last_heartbeat_ns),
            reasons=reader_reasons({"events": self._follower}) + self.troubles.reasons(),
            facts=(
                redis_fact(is_connected=is_connected),
                f"sentences under way {self._queue.depth}",
                *(f"provider {name} does not answer" for name in resting),
            ),
        )
