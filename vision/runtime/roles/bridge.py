"""What both bridges have in common: parts, signs of life, metrics."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from vision.config.secrets import redis_password
from vision.config.settings import Settings
from vision.publishing.reading.event_follower import EventFollower
from vision.publishing.reading.offsets import BridgeOffsets
from vision.redis.client import address_of
from vision.resilience.troubles import Troubles
from vision.runtime.components.metrics import MetricsPart
from vision.runtime.components.threads import PartThreads
from vision.runtime.health.liveness import Liveness
from vision.runtime.health.role_liveness import (
    RedisReader,
    liveness_file,
    reader_reasons,
    redis_fact,
    watch,
)
from vision.runtime.processes.secret_files import secret_files
from vision.telemetry.bridge_metrics import BridgeMetrics

_log = logging.getLogger(__name__)


class BridgeRole(ABC):
    """Hands on what is on Redis; a restart goes on where it was."""

    def __init__(self, settings: Settings, name: str) -> None:
        """Prepare to work; neither Redis nor the other side needs to be there.

        Raises:
            ConfigError: A key, secret file or port is not in order.
        """
        self.settings = settings
        self.secrets = secret_files(settings.secrets_dir)
        self.password = partial(redis_password, settings, self.secrets)
        self.password()
        self.troubles = Troubles()
        self.metrics = BridgeMetrics(self.troubles)
        self._name = name
        self._liveness = liveness_file(settings, f"bridge {name}")
        self._metrics_port = MetricsPart(settings, self.secrets, self.metrics)

    def run(self, stop: threading.Event) -> None:
        """Hand on until ``stop`` is set.

        Raises:
            VisionError: A part failed that the role cannot go on without.
        """
        parts = PartThreads(stop)
        threads = [parts.start(name, work) for name, work in self._parts(stop).items()]
        self._metrics_port.start(parts)
        _log.info(
            "bridge.started name=%s redis=%s to=%s metrics=%s",
            self._name,
            address_of(self.settings.redis),
            ",".join(self._targets()),
            self._metrics_port.url,
        )
        watch(stop, self._check, self._liveness, self._read_liveness)
        _log.info("bridge.stopping name=%s", self._name)
        for thread in threads:
            thread.join()
        self._end()
        self._metrics_port.stop()
        if self._liveness:
            self._liveness.remove()
        _log.info("bridge.stopped name=%s", self._name)
        parts.raise_failure()

    def follower(
        self, name: str, cameras: Sequence[str], on_lost: Callable[[str, int], None]
    ) -> EventFollower:
        """Events for the target ``name``."""
        return EventFollower(
            self.settings.redis,
            self.password,
            BridgeOffsets(name),
            cameras,
            on_lost=on_lost,
            on_invalid=self.metrics.count_invalid,
            troubles=self.troubles,
        )

    @abstractmethod
    def _parts(self, stop: threading.Event) -> Mapping[str, Callable[[], None]]:
        """The work of each thread, by its name; it ends once ``stop`` is set."""

    @abstractmethod
    def _targets(self) -> Sequence[str]:
        """Where to, without anything secret."""

    @abstractmethod
    def _check(self) -> None:
        """Called twice a second."""

    @abstractmethod
    def _end(self) -> None:
        """Called after all threads have ended."""

    @abstractmethod
    def _readers(self) -> Mapping[str, RedisReader]:
        """What is read from Redis, and by whom."""

    @abstractmethod
    def _read_state(self) -> tuple[bool, Sequence[str], Sequence[str]]:
        """Whether Redis answers, what is stuck, and which targets are not reached."""

    def _read_liveness(self) -> Liveness:
        is_connected, stuck, away = self._read_state()
        deaf = reader_reasons(self._readers())
        return Liveness(
            role=f"bridge {self._name}",
            stuck=tuple(stuck),
            reasons=(*deaf, *away, *self.troubles.reasons()),
            facts=(redis_fact(is_connected=is_connected), f"to {', '.join(self._targets())}"),
        )
