"""Keeps a connection to the broker and sends what the outbox has."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

from vision.bridges.errors import BridgeError, BridgeFailure, BridgeLoss
from vision.bridges.mqtt_denied_topics import DeniedTopics
from vision.bridges.mqtt_outbox import EventBatch, MqttOutbox
from vision.bridges.mqtt_session import MqttCredentials, MqttSession
from vision.config.bridges import MqttSettings
from vision.domain.errors import ConfigError
from vision.resilience.backoff import Backoff
from vision.resilience.log_throttle import LogThrottle

_log = logging.getLogger(__name__)
_POLL_S = 0.5
_LEAVE_S = 2.0
_BACKOFF_BASE_S, _BACKOFF_CAP_S = 0.5, 15.0
# A broker that refuses a password is not to be asked as often: some lock the address out.
_REFUSED_BASE_S, _REFUSED_CAP_S = 5.0, 60.0
_LOG_PERIOD_S = 60.0
# So long after the last retained message the broker has told of all.
_QUIET_S = 2.0
# Where the bridge is about to leave.
_LEAST_QUIET_S = 0.3


class DeliveryObserver(Protocol):
    """Hears of what came of attempts."""

    def sent(self) -> None:
        """A message arrived."""

    def failed(self, failure: BridgeFailure) -> None:
        """A connection could not be made, or was lost, or what was sent was refused."""

    def lost(self, loss: BridgeLoss) -> None:
        """A message will never arrive."""


class MqttPublisher:
    """States and events to one broker, for as long as it is asked."""

    def __init__(
        self,
        settings: MqttSettings,
        login: Callable[[], MqttCredentials],
        outbox: MqttOutbox,
        available_topic: str,
        counts: DeliveryObserver,
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
        self._damper = LogThrottle(_LOG_PERIOD_S)
        self._backoff = Backoff(_BACKOFF_BASE_S, _BACKOFF_CAP_S)
        self._refused_backoff = Backoff(_REFUSED_BASE_S, _REFUSED_CAP_S)
        self.is_ready = False
        """Whether the states of the outbox are how things are; none is sent before they once were."""
        self._was_ready = False
        self._is_leaving = False
        self._said: bytes | None = None
        self.is_connected = False
        self.problem: str | None = None
        self.last_heartbeat_ns = time.monotonic_ns()
        self.patterns: Sequence[str] = ()
        """What to listen to at the start of each connection."""
        self.on_retained: Callable[[str, bytes], None] = lambda _topic, _payload: None
        self.on_all_retained: Callable[[], None] = lambda: None
        """Called once in a connection, when the broker has told what it kept and is asked to."""
        self.optional: frozenset[str] = frozenset()
        """Topics and patterns that the rules may forbid without harm: then it is logged alone."""
        self.is_echoed: Callable[[str], bool] | None = None
        """Tells topics that the patterns match: what is written there is heard, if we may read it."""
        self._is_echo_due = False
        self._forbidden = DeniedTopics(lambda: counts.failed(BridgeFailure.FORBIDDEN))
        self._unheard: set[str] = set()
        self._quiet_since_s: float | None = None
        self._echoes: dict[str, float] = {}

    @property
    def forbidden(self) -> str | None:
        """What the broker's rules forbid, in words."""
        return self._forbidden.reason

    def run(self, stop: threading.Event) -> None:
        """Publish until ``stop`` is set, then what waits, and leave."""
        while not stop.is_set():
            self.last_heartbeat_ns = time.monotonic_ns()
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
            self._outbox.reset()
            self._said = None
            self.is_connected, self.problem = True, None
            self._backoff.reset()
            self._refused_backoff.reset()
            _log.info("mqtt.connected broker=%s", urlsplit(self._settings.url or "").hostname)
            self._listen(session)
            refreshed_s = time.monotonic()
            while not stop.is_set():
                self.last_heartbeat_ns = time.monotonic_ns()
                if time.monotonic() - refreshed_s >= self._settings.refresh_s:
                    refreshed_s = time.monotonic()
                    self._outbox.refresh()
                self._look_at_retained()
                self._send(session)
                session.run_once(_POLL_S)
            self._leave(session)

    def _listen(self, session: MqttSession) -> None:
        self._unheard, self._quiet_since_s = set(self.patterns), time.monotonic()
        self._echoes.clear()
        self._is_echo_due = True

        def on_retained(topic: str, payload: bytes) -> None:
            if self._quiet_since_s is not None:
                self._quiet_since_s = time.monotonic()
            self.on_retained(topic, payload)

        def on_echo(topic: str, _payload: bytes) -> None:
            if self._echoes.pop(topic, None) is not None:
                self._forbidden.allow_reading(topic)

        session.on_message, session.on_echo = on_retained, on_echo
        for pattern in self.patterns:
            session.subscribe(
                pattern,
                then=partial(self._unheard.discard, pattern),
                refused=self._on_deaf,
            )

    def _on_deaf(self, pattern: str) -> None:
        self._unheard.discard(pattern)
        if pattern in self.optional:
            _log.warning("mqtt.forbidden reading=%s", pattern)
        else:
            self._forbidden.refuse_reading(pattern)

    def _on_mute(self, topic: str) -> None:
        if topic in self.optional:
            _log.warning("mqtt.forbidden writing=%s", topic)
        else:
            self._forbidden.refuse_writing(topic)

    def _look_at_retained(self, quiet_s: float = _QUIET_S) -> None:
        now_s = time.monotonic()
        is_quiet = self._quiet_since_s is not None and now_s - self._quiet_since_s > quiet_s
        if is_quiet and not self._unheard and self.is_ready:
            self._quiet_since_s = None
            self.on_all_retained()
        for topic, sent_s in list(self._echoes.items()):
            if now_s - sent_s > self._settings.timeout_s:
                del self._echoes[topic]
                self._forbidden.refuse_reading(topic)

    def _send(self, session: MqttSession) -> None:
        """Send what there is room for; the rest when the broker has confirmed some of it."""
        self._was_ready |= self.is_ready
        if self._was_ready:
            self._send_states(session)
        while session.room:
            # Events are what they are, whether states are known or not.
            parcel = self._outbox.take_event(after_states=self._was_ready)
            if parcel is None:
                return
            self._publish(session, parcel)

    def _send_states(self, session: MqttSession) -> None:
        for topic, payload, retain in self._outbox.take_states(session.room):
            self._publish_state(session, topic, payload, retain=retain)
        # After the states, so that nobody takes old ones for new.
        said = b"online" if self.is_ready and not self._is_leaving else b"offline"
        if said != self._said and session.room:
            self._publish_state(session, self._available_topic, said, retain=True)
            self._said = said

    def _publish_state(
        self, session: MqttSession, topic: str, payload: bytes, *, retain: bool
    ) -> None:
        def count() -> None:
            self._counts.sent()
            self._forbidden.allow_writing(topic)

        def mute(topic: str) -> None:
            # What nobody heard is not heard again: that is no second trouble.
            self._echoes.pop(topic, None)
            self._on_mute(topic)

        if self._is_echo_due and payload and self.is_echoed is not None and self.is_echoed(topic):
            # One in each connection tells enough.
            self._is_echo_due = False
            self._echoes[topic] = time.monotonic()
        session.publish(topic, payload, retain=retain, then=count, refused=mute)

    def _publish(self, session: MqttSession, parcel: EventBatch) -> None:
        left = len(parcel.messages)

        def count() -> None:
            nonlocal left
            left -= 1
            if not left:
                self._outbox.confirm(parcel)

        def arrived(topic: str) -> None:
            self._counts.sent()
            self._forbidden.allow_writing(topic)
            count()

        def refused(topic: str) -> None:
            # It would be refused again, and hold up all that come after it.
            self._counts.lost(BridgeLoss.REJECTED)
            self._forbidden.refuse_writing(topic)
            count()

        for topic, payload in parcel.messages:
            session.publish(
                topic, payload, retain=False, then=partial(arrived, topic), refused=refused
            )

    def _leave(self, session: MqttSession) -> None:
        """Send what waits, and be offline."""
        give_up_s = time.monotonic() + _LEAVE_S
        self._is_leaving = True
        self._look_at_retained(_LEAST_QUIET_S)
        while time.monotonic() < give_up_s:
            self._send(session)
            if not session.unconfirmed and not (self._was_ready and self._outbox.waiting):
                break
            session.run_once(0.05)
        session.leave()
        _log.info("mqtt.left unconfirmed=%d", session.unconfirmed)
