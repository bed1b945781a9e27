"""The reference subscriber at work in a thread, and what it handed on."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Generic

from tests.support.publishing import AnyRedis
from tests.support.waiting import PATIENCE_S, wait_until
from vision.domain.message import DetectionMessage
from vision.domain.noop import noop
from vision.publishing.reading.cursor import Cursor, Message
from vision.publishing.reading.subscriber import ReceivedMessage, Subscriber
from vision.publishing.reading.unusable_messages import CountInvalid
from vision.resilience.troubles import Troubles


class Listener(Generic[Message]):
    """A subscriber in a thread of the test."""

    def __init__(self, subscriber: Subscriber[Message], troubles: Troubles) -> None:
        self.troubles = troubles
        self.received: list[ReceivedMessage[Message]] = []
        self._stop = threading.Event()
        self.subscriber = subscriber
        self._thread = threading.Thread(target=self._collect, args=(subscriber,))
        self._thread.start()

    def _collect(self, subscriber: Subscriber[Message]) -> None:
        # One by one: a test looks at the list meanwhile.
        self.received.extend(subscriber.messages(self._stop))

    def wait_for(self, count: int) -> list[ReceivedMessage[Message]]:
        """The first ``count`` messages."""
        wait_until(lambda: len(self.received) >= count, f"{count} messages")
        return self.received[:count]

    def finish(self) -> None:
        """End the subscriber."""
        self._stop.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


@contextmanager
def listening_to(
    server: AnyRedis,
    cursor: type[Cursor[Message]],
    cameras: Sequence[str] = (),
    *,
    replay: int = 0,
    command_timeout_s: float = 2.0,
    quiet_s: float = 5.0,
    on_invalid: CountInvalid = noop,
) -> Iterator[Listener[Message]]:
    """A subscriber of ``server`` until the test ends; its subscription may take a moment."""
    settings = server.settings(command_timeout_s=command_timeout_s)
    troubles = Troubles()
    listener = Listener(
        Subscriber(
            settings,
            lambda: server.password,
            cursor,
            cameras,
            replay=replay,
            quiet_s=quiet_s,
            on_invalid=on_invalid,
            troubles=troubles,
        ),
        troubles,
    )
    try:
        yield listener
    finally:
        listener.finish()


def seqs_of(
    received: Sequence[ReceivedMessage[DetectionMessage]], camera: str = "front"
) -> list[int]:
    """The frame numbers of one camera, in the order they came."""
    return [item.message.seq for item in received if item.message.camera == camera]
