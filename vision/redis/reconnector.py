"""How a Redis that is away is waited for, by whoever works over a link for as long as it lasts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis

from vision.config.core import RedisSettings
from vision.domain.errors import ConfigError
from vision.redis.client import address_of
from vision.redis.connector import ASK_PERIOD_S, RedisConnector, reconnect_backoff
from vision.redis.errors import NoPrimaryError, explain
from vision.redis.link import RedisLink
from vision.resilience.log_throttle import LogThrottle

_LOG_PERIOD_S = 60.0


class Reconnector:
    """Opens links, and waits after each that was lost; used by one thread."""

    def __init__(
        self,
        settings: RedisSettings,
        password: Callable[[], str | None],
        log: logging.Logger,
        told_as: str,
    ) -> None:
        """``log`` is told of losses, in lines that begin with ``told_as``.

        Raises:
            ConfigError: ``redis.url`` has an option that does not exist.
        """
        self._connector = RedisConnector(settings, password)
        self._address = address_of(settings)
        self._log = log
        self._told_as = told_as
        self._backoff = reconnect_backoff(settings)
        self._damper = LogThrottle(_LOG_PERIOD_S)
        self._asked_s = 0.0
        self.connected = False
        """Whether Redis answered last time; for any thread."""
        self.problem: str | None = None
        """Why it did not, in words; for any thread."""

    def open(self) -> RedisLink:
        """A link to the primary, as :meth:`RedisConnector.open` gives it."""
        link = self._connector.open()
        self._asked_s = time.monotonic()
        return link

    def answered(self, link: RedisLink) -> None:
        """Note that ``link`` does its work; now and then, ask whether it leads to the primary.

        Raises:
            redis.ConnectionError: Another server is the primary now.
        """
        now_s = time.monotonic()
        if now_s - self._asked_s >= ASK_PERIOD_S:
            self._asked_s = now_s
            if not self._connector.is_current(link):
                raise NoPrimaryError("another server is the primary now")
        self._backoff.reset()
        self.connected, self.problem = True, None

    @contextmanager
    def retrying(self, stop: threading.Event) -> Iterator[None]:
        """A loss of Redis ends the block and nothing else: it is told of, and waited a while."""
        try:
            yield
        except (redis.RedisError, ConfigError, OSError) as error:
            self.connected = False
            self.problem = reason = explain(error)
            if self._damper.admit(reason):
                self._log.warning(
                    "%s.redis_away address=%s reason=%s", self._told_as, self._address, reason
                )
            stop.wait(self._backoff.next_s())
