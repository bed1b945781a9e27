"""Keeps a connection to the broker and sends what the outbox has."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

from vision.bridges.mqtt_outbox import EventParcel, MqttOutbox
from vision.bridges.mqtt_session import Login, MqttSession
from vision.config.bridges import MqttSettings
from vision.domain.bridge import BridgeError, BridgeFailure
from vision.domain.errors import ConfigError
from vision.resilience.backoff import Backoff
from vision.resilience.damping import Damper

_log = logging.getLogger(__name__)
_TURN_S = 0.5
_MOST_UNCONFIRMED = 100
_LEAVE_S = 2.0
_BACKOFF_BASE_S, _BACKOFF_CAP_S = 0.5, 15.0
# A broker that refuses a password is not to be asked as often: some lock the address out.
_REFUSED_BASE_S, _REFUSED_CAP_S = 5.0, 60.0
_LOG_PERIOD_S = 60.0


class Counts(Protocol):
    """Hears of what came of attempts."""

    def sent(self) -> None:
        """A message arrived."""

    def failed(self, failure: BridgeFailure) -> None:
        """A connection could not be made, or was lost."""


class MqttPublisher:
    """States and events to one broker, for as long as it is asked."""

    def __init__(
        self,
        settings: MqttSettings,
        login: Callable[[], Login],
        outbox: MqttOutbox,
        available_topic: str,
        counts: Counts,
        *,
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        """``login`` is asked at each connection, so that a rotation needs no restart.

        ``available_topic`` says ``online`` once all states are there, and ``offline`` after it.
        """
        self._settings = settings
        self._login = login
        self._outbox = outbox
        self._available_topic = available_topic
        self._counts = counts
        self._wait = wait
        self._damper = Damper(_LOG_PERIOD_S)
        self._backoff = Backoff(_BACKOFF_BASE_S, _BACKOFF_CAP_S)
        self._refused_backoff = Backoff(_REFUSED_BASE_S, _REFUSED_CAP_S)
        self.is_ready = False
        """Whether the states of the outbox are how things are; none is sent before they once were."""
        self._was_ready = False
        self._is_leaving = False
        self._said: bytes | None = None
        self.is_connected = False
        self.problem: str | None = None
        self.turned_ns = time.monotonic_ns()
        self.pattern: str | None = None
        """What to listen to at the start of each connection."""
        self.on_retained: Callable[[str, bytes], None] = lambda _topic, _payload: None

    def run(self, stop: threading.Event) -> None:
        """Publish until ``stop`` is set, then what waits, and leave."""
        while not stop.is_set():
            self.turned_ns = time.monotonic_ns()
            try:
                self._connected(stop)
            except (BridgeError, ConfigError) as error:
                self.is_connected = False
                self._wait(stop, self._failed(error))
        self.is_connected = False

    def _failed(self, error: BridgeError | ConfigError) -> float:
        """Say what went wrong; seconds until the next attempt."""
        failure = error.failure if isinstance(error, BridgeError) else BridgeFailure.LOCAL
        self._counts.failed(failure)
        self.problem = str(error)
        if times := self._damper.admit(failure.value):
            host = urlsplit(self._settings.url or "").hostname
            _log.warning("mqtt.away broker=%s times=%d reason=%s", host, times, self.problem)
        if failure is BridgeFailure.AUTH:
            return self._refused_backoff.next_s()
        return self._backoff.next_s()

    def _connected(self, stop: threading.Event) -> None:
        with MqttSession(self._settings, self._login(), self._available_topic) as session:
            self._outbox.on_change(session.wake)
            self._outbox.begin_anew()
            self._said = None
            self.is_connected, self.problem = True, None
            self._backoff.reset()
            self._refused_backoff.reset()
            _log.info("mqtt.connected broker=%s", urlsplit(self._settings.url or "").hostname)
            session.on_message = self.on_retained
            if self.pattern is not None:
                session.subscribe(self.pattern)
            refreshed_s = time.monotonic()
            while not stop.is_set():
                self.turned_ns = time.monotonic_ns()
                if time.monotonic() - refreshed_s >= self._settings.refresh_s:
                    refreshed_s = time.monotonic()
                    self._outbox.refresh()
                self._send(session)
                session.turn(_TURN_S)
            self._leave(session)

    def _send(self, session: MqttSession) -> None:
        """Send what there is room for; the rest when the broker has confirmed some of it."""
        self._was_ready |= self.is_ready
        if self._was_ready:
            self._send_states(session)
        while self._room(session):
            # Events are what they are, whether states are known or not.
            parcel = self._outbox.take_event(after_states=self._was_ready)
            if parcel is None:
                return
            self._publish(session, parcel)

    def _send_states(self, session: MqttSession) -> None:
        for topic, payload, retain in self._outbox.take_states(self._room(session)):
            session.publish(topic, payload, retain=retain, then=self._counts.sent)
        # After the states, so that nobody takes old ones for new.
        said = b"online" if self.is_ready and not self._is_leaving else b"offline"
        if said != self._said and self._room(session):
            session.publish(self._available_topic, said, retain=True, then=self._counts.sent)
            self._said = said

    def _publish(self, session: MqttSession, parcel: EventParcel) -> None:
        left = len(parcel.messages)

        def count() -> None:
            nonlocal left
            left -= 1
            self._counts.sent()
            if not left:
                self._outbox.confirm(parcel)

        for topic, payload in parcel.messages:
            session.publish(topic, payload, retain=False, then=count)

    def _leave(self, session: MqttSession) -> None:
        """Send what waits, and be offline."""
        give_up_s = time.monotonic() + _LEAVE_S
        self._is_leaving = True
        while time.monotonic() < give_up_s:
            self._send(session)
            if not session.unconfirmed and not (self._was_ready and self._outbox.waiting):
                break
            session.turn(0.05)
        session.leave()
        _log.info("mqtt.left unconfirmed=%d", session.unconfirmed)

    @staticmethod
    def _room(session: MqttSession) -> int:
        return max(0, _MOST_UNCONFIRMED - session.unconfirmed)
