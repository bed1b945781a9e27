"""What both bridges have in common: parts, signs of life, metrics."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence

from vision.bridges.metrics import BridgeMetrics
from vision.config.settings import Settings
from vision.publishing.reading.event_follower import EventFollower
from vision.publishing.reading.offsets import BridgeOffsets
from vision.runtime.components.threads import RoleThreads
from vision.runtime.health.liveness import Liveness
from vision.runtime.health.role_liveness import (
    RedisReader,
    reader_reasons,
    redis_fact,
)
from vision.runtime.roles.service import Service


class BridgeRole(Service):
    """Hands on what is on Redis; a restart goes on where it was."""

    def __init__(self, settings: Settings, name: str) -> None:
        """Prepare to work; neither Redis nor the other side needs to be there.

        Raises:
            ConfigError: A key, secret file or port is not in order.
        """
        super().__init__(settings, f"bridge {name}", log_prefix="bridge", log_fields={"name": name})
        self.metrics = BridgeMetrics(self.troubles)
        self.expose(self.metrics)
        self._working: list[threading.Thread] = []

    def follower(
        self, name: str, cameras: Sequence[str], on_lost: Callable[[str, int], None]
    ) -> EventFollower:
        """Events for the target ``name``."""
        return EventFollower(
            self.settings.redis,
            self.redis_password,
            BridgeOffsets(name),
            cameras,
            on_lost=on_lost,
            on_invalid=self.metrics.count_invalid,
            troubles=self.troubles,
        )

    def _start(self, threads: RoleThreads) -> None:
        # Not by name: a target may have that of another thread.
        self._working = [
            threads.start(name, work, threads.stop) for name, work in self._work().items()
        ]

    def _start_fields(self) -> Mapping[str, object]:
        return {"redis": self.redis_address, "to": ",".join(self._targets())}

    def _stop(self, threads: RoleThreads) -> None:  # noqa: ARG002  see _start
        for thread in self._working:
            thread.join()
        self._store_offsets()

    @abstractmethod
    def _work(self) -> Mapping[str, Callable[[threading.Event], None]]:
        """The work of each thread, by its name; it ends once the event is set."""

    @abstractmethod
    def _targets(self) -> Sequence[str]:
        """Where to, without anything secret."""

    @abstractmethod
    def _store_offsets(self) -> None:
        """Keep how far it has read, once all threads have ended."""

    @abstractmethod
    def _readers(self) -> Mapping[str, RedisReader]:
        """What is read from Redis, and by whom."""

    @abstractmethod
    def _read_state(self) -> tuple[bool, Sequence[str], Sequence[str]]:
        """Whether Redis answers, what is stuck, and which targets are not reached."""

    def _read_liveness(self) -> Liveness:
        is_connected, stuck, away = self._read_state()
        unread = reader_reasons(self._readers())
        return Liveness(
            role=self.role,
            stuck=tuple(stuck),
            reasons=(*unread, *away, *self.troubles.reasons()),
            facts=(redis_fact(is_connected=is_connected), f"to {', '.join(self._targets())}"),
        )
