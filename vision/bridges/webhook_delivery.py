"""Brings a target's messages to it in order: again and later when it fails, and not for ever."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from vision.bridges.errors import BridgeError, BridgeFailure, BridgeLoss
from vision.bridges.webhook_sender import WebhookReply
from vision.config.bridges import WebhookTarget
from vision.domain.event import EventMessage
from vision.resilience.backoff import Backoff
from vision.resilience.log_throttle import LogThrottle

_log = logging.getLogger(__name__)
_BACKOFF_BASE_S, _BACKOFF_CAP_S = 1.0, 300.0
_LOOK_S = 1.0
_LOG_PERIOD_S = 60.0
_AUTH = {401, 403, 407}
# What is wrong with the message stays wrong with it: the next one is not to wait for it.
_REJECTED = {400, 413, 414, 415, 422, 431}


class WebhookPoster(Protocol):
    """One attempt."""

    def post(self, message_id: str, body: bytes) -> WebhookReply:
        """The answer; BridgeError when there is none."""


class DeliveryObserver(Protocol):
    """Hears of what came of attempts."""

    def sent(self) -> None:
        """A message arrived."""

    def failed(self, failure: BridgeFailure) -> None:
        """An attempt failed."""

    def lost(self, loss: BridgeLoss) -> None:
        """A message will never arrive."""


class WebhookDelivery:
    """One target, one message at a time; used by one thread."""

    def __init__(
        self,
        target: WebhookTarget,
        sender: WebhookPoster,
        counts: DeliveryObserver,
        *,
        poll: Callable[[], None] = lambda: None,
        utc_s: Callable[[], float] = time.time,
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        """``poll`` is called about once a second while a message waits for its next attempt."""
        self._target = target
        self._sender = sender
        self._counts = counts
        self._poll = poll
        self._utc_s = utc_s
        self._wait = wait
        self._backoff = Backoff(_BACKOFF_BASE_S, _BACKOFF_CAP_S)
        self._damper = LogThrottle(_LOG_PERIOD_S)
        self.is_reached: bool | None = None
        """Whether the last attempt came through; None before the first."""
        self.problem: str | None = None
        self.last_heartbeat_ns = time.monotonic_ns()

    def wants(self, message: EventMessage) -> bool:
        """Whether the target is told of it."""
        target = self._target
        return (
            message.type in target.types
            and (target.cameras is None or message.camera in target.cameras)
            and (target.labels is None or message.label in target.labels)
        )

    def deliver(self, message: EventMessage, body: bytes, stop: threading.Event) -> bool:
        """Try until it arrived or is given up; False if ``stop`` was set before that."""
        # By now at the latest: a time that is yet to come would hold up all messages behind it.
        give_up_s = min(_published_s(message), self._utc_s()) + self._target.give_up_s
        # Dots separate what is signed.
        message_id = f"{message.id}-{message.revision}".replace(".", "_")
        while not stop.is_set():
            self.last_heartbeat_ns = time.monotonic_ns()
            if self._utc_s() >= give_up_s:
                self._lose(BridgeLoss.EXPIRED)
                return True
            delay_s = self._attempt(message_id, body)
            if delay_s is None:
                return True
            self._pause(min(delay_s, max(0.0, give_up_s - self._utc_s())), stop)
        return False

    def _attempt(self, message_id: str, body: bytes) -> float | None:
        """Seconds until the next one; None when there need not be one."""
        try:
            answer = self._sender.post(message_id, body)
        except BridgeError as error:
            self._fail(error.failure, str(error))
            return self._backoff.next_s()
        if 200 <= answer.status < 300:  # noqa: PLR2004  success, by RFC 9110
            self._counts.sent()
            self.is_reached, self.problem = True, None
            self._backoff.reset()
            return None
        failure = BridgeFailure.AUTH if answer.status in _AUTH else BridgeFailure.STATUS
        self._fail(failure, f"{failure.value}: it answers {answer.status}")
        if answer.status in _REJECTED:
            self._lose(BridgeLoss.REJECTED)
            return None
        return max(self._backoff.next_s(), answer.retry_after_s or 0.0)

    def _fail(self, failure: BridgeFailure, text: str) -> None:
        self._counts.failed(failure)
        self.is_reached, self.problem = False, text
        if times := self._damper.admit(text):
            name = self._target.name
            _log.warning("webhook.failed target=%s times=%d reason=%s", name, times, text)

    def _lose(self, loss: BridgeLoss) -> None:
        self._counts.lost(loss)
        if times := self._damper.admit(loss.value):
            name = self._target.name
            _log.warning("webhook.lost target=%s messages=%d reason=%s", name, times, loss.value)

    def _pause(self, delay_s: float, stop: threading.Event) -> None:
        while delay_s > 0 and not self._wait(stop, min(delay_s, _LOOK_S)):
            delay_s -= _LOOK_S
            self.last_heartbeat_ns = time.monotonic_ns()
            self._poll()


def _published_s(message: EventMessage) -> float:
    return datetime.fromisoformat(message.time.published).timestamp()
