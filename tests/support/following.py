"""A follower of events at work in a thread, what it handed on and what it missed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.publishing import AnyRedis
from tests.support.waiting import PATIENCE_S, wait_until
from vision.publishing.reading.event_follower import EventFollower, FollowedEntry
from vision.publishing.reading.offsets import BridgeOffsets, OffsetStore
from vision.resilience.troubles import Troubles


class Following:
    """A follower in its thread; it hands on entries while ``gate`` is open."""

    def __init__(
        self, server: AnyRedis, places: OffsetStore | None = None, *, settles: bool = True
    ) -> None:
        """``places`` are those of a bridge called ``test`` by default."""
        self.found: list[FollowedEntry] = []
        self.lost: Counter[str] = Counter()
        self.troubles = Troubles()
        self.gate = threading.Event()
        self.gate.set()
        self.follower = EventFollower(
            server.settings(),
            lambda: server.password,
            places or BridgeOffsets("test"),
            on_lost=self._count,
            troubles=self.troubles,
            look_s=0.1,
        )
        self._settles = settles
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def _count(self, camera: str, entries: int) -> None:
        self.lost[camera] += entries

    def _work(self) -> None:
        for entry in self.follower.entries(self._stop):
            self.found.append(entry)
            self.gate.wait()
            if self._settles:
                self.follower.ack(entry)

    def texts(self) -> list[str]:
        """The messages so far."""
        return [entry.payload.decode() for entry in self.found]

    def wait_for(self, *texts: str) -> None:
        """Wait until these came, and nothing else."""
        wait_until(lambda: len(self.found) >= len(texts), f"{texts}, not {self.texts()}")
        assert self.texts() == list(texts)

    @contextmanager
    def running(self, *, stores: bool = True, waits: bool = True) -> Iterator[None]:
        """At work, from the moment on that it is connected if it ``waits``."""
        self._thread.start()
        try:
            wait_until(lambda: self.follower.connected or not waits, "the connection")
            yield
        finally:
            self._stop.set()
            self.gate.set()
            self._thread.join(PATIENCE_S)
            if stores:
                self.follower.store()
