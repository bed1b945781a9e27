"""The reference subscriber: replay from the stream, then live, without hole or double.

How a consumer in any language gets every message once, in order per camera:

1. read the stream as far back as wanted,
2. subscribe to the channel and wait for the confirmation,
3. read the stream on from where 1 ended: between the two something may have come,
4. take what comes live, unless it is known already. Where ``seq`` and ``skipped`` show that
   something is missing (after an outage late messages go to the stream alone) read it there,
5. start over from 2 when the connection is lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Generic

import redis
from redis.client import PubSub

from vision.config.topics import RedisSettings
from vision.domain.errors import ConfigError, PublishError
from vision.frames.redis_client import address_of, explain, open_client
from vision.publishing.cursor import BEFORE_THE_FIRST, Cursor, Message
from vision.publishing.keys import StreamKey, parse_stream_key
from vision.publishing.stream_reader import StreamReader
from vision.resilience.backoff import Backoff
from vision.resilience.damping import Damper

_log = logging.getLogger(__name__)
# How often a quiet subscriber looks whether it is to stop, and when it asks for an answer.
_LOOK_S = 0.5
_QUIET_S = 5.0
_LOG_PERIOD_S = 60.0


@dataclass(frozen=True, slots=True)
class Received(Generic[Message]):
    """A message, the bytes it came as, and whether they were read from the stream."""

    message: Message
    payload: bytes
    is_replayed: bool


class Subscriber(Generic[Message]):
    """Hands on one kind of message for as long as it is asked; used by one thread."""

    def __init__(
        self,
        settings: RedisSettings,
        password: Callable[[], str | None],
        cursor: type[Cursor[Message]],
        cameras: Sequence[str] = (),
        *,
        replay: int = 0,
    ) -> None:
        """Messages of ``cameras``, of all without any, the newest ``replay`` of each first.

        ``cursor`` says of what kind: DetectionCursor or StatusCursor.

        Raises:
            ConfigError: ``redis.url`` has an option that does not exist.
        """
        open_client(settings, None).close()
        self._settings = settings
        self._password = password
        self._cursor = cursor
        self._wanted = [StreamKey(cursor.kind, camera) for camera in dict.fromkeys(cameras)]
        self._replay = replay
        self._cursors: dict[StreamKey, Cursor[Message]] = {}
        self._is_started = False
        self._backoff = Backoff(0.1, 2.0)
        self._damper = Damper(_LOG_PERIOD_S)

    def messages(self, stop: threading.Event) -> Iterator[Received[Message]]:
        """Replayed messages of all cameras by time, then each camera's in order.

        Ends when ``stop`` is set. Lost connections are waited for and caught up on.
        """
        while not stop.is_set():
            try:
                yield from self._connected(stop)
            except (redis.RedisError, ConfigError) as error:
                reason = explain(error)
                if self._damper.admit(reason):
                    address = address_of(self._settings)
                    _log.warning("subscribe.redis_away address=%s reason=%s", address, reason)
                stop.wait(self._backoff.next_s())

    def _connected(self, stop: threading.Event) -> Iterator[Received[Message]]:
        with (
            closing(open_client(self._settings, self._password())) as reading,
            closing(open_client(self._settings, self._password())) as listening,
        ):
            reader = StreamReader(reading)
            if not self._is_started:
                yield from self._start(reader)
            with PubSub(listening.connection_pool) as pubsub:
                early = self._subscribe(pubsub)
                yield from self._catch_up(reader)
                self._backoff.reset()
                for stream, payload in early:
                    yield from self._take_live(reader, stream, payload)
                yield from self._listen(reader, pubsub, stop)

    def _start(self, reader: StreamReader) -> Iterator[Received[Message]]:
        """Hand on the newest entries and remember where each stream ended."""
        received: list[Received[Message]] = []
        for stream in self._wanted or reader.streams(self._cursor.kind):
            stored = reader.newest(stream, max(1, self._replay))
            last_id = stored[-1].stream_id if stored else BEFORE_THE_FIRST
            cursor = self._cursors[stream] = self._cursor(last_id)
            for stream_id, payload in stored[: self._replay]:
                message = self._decoded(stream, payload)
                if message is not None:
                    cursor.advance(message, stream_id)
                    received.append(Received(message, payload, is_replayed=True))
        self._is_started = True
        yield from sorted(received, key=lambda item: self._cursor.moment(item.message))

    def _subscribe(self, pubsub: PubSub) -> list[tuple[StreamKey, bytes]]:
        """Subscribe and wait until Redis confirmed; returns what came live meanwhile."""
        if self._wanted:
            pubsub.subscribe(*map(str, self._wanted))
        else:
            pubsub.psubscribe(self._cursor.kind.pattern)
        unconfirmed = len(self._wanted) or 1
        early: list[tuple[StreamKey, bytes]] = []
        while unconfirmed:
            reply = pubsub.get_message(timeout=self._settings.command_timeout_s)
            if reply is None:
                raise redis.TimeoutError("no confirmation of the subscription")
            if reply["type"] in ("subscribe", "psubscribe"):
                unconfirmed -= 1
            else:
                early.extend(_live(reply))
        return early

    def _catch_up(self, reader: StreamReader) -> Iterator[Received[Message]]:
        for stream in self._wanted or reader.streams(self._cursor.kind):
            yield from self._read(reader, stream, None)

    def _read(
        self, reader: StreamReader, stream: StreamKey, before: str | None
    ) -> Iterator[Received[Message]]:
        """Hand on what the stream has that is not handed on yet."""
        cursor = self._cursor_of(stream)
        for stream_id, payload in reader.between(stream, cursor.stream_id, before):
            message = self._decoded(stream, payload)
            if message is not None and cursor.is_new(message):
                cursor.advance(message, stream_id)
                yield Received(message, payload, is_replayed=True)

    def _listen(
        self, reader: StreamReader, pubsub: PubSub, stop: threading.Event
    ) -> Iterator[Received[Message]]:
        heard_s = time.monotonic()
        is_asked = False
        while not stop.is_set():
            reply = pubsub.get_message(timeout=_LOOK_S)
            quiet_s = time.monotonic() - heard_s
            if reply is not None:
                for stream, payload in _live(reply):
                    yield from self._take_live(reader, stream, payload)
                heard_s, is_asked = time.monotonic(), False
            elif quiet_s > _QUIET_S + self._settings.command_timeout_s:
                raise redis.TimeoutError("no answer to a PING")
            elif quiet_s > _QUIET_S and not is_asked:
                # A connection that broke silently never fails, it only stays quiet.
                pubsub.ping()
                is_asked = True

    def _take_live(
        self, reader: StreamReader, stream: StreamKey, payload: bytes
    ) -> Iterator[Received[Message]]:
        message = self._decoded(stream, payload)
        cursor = self._cursor_of(stream)
        if message is None or not cursor.is_new(message):
            return
        missing_until = cursor.missing_until(message)
        if missing_until is not None:
            yield from self._read(reader, stream, missing_until)
        cursor.advance(message, None)
        yield Received(message, payload, is_replayed=False)

    def _cursor_of(self, stream: StreamKey) -> Cursor[Message]:
        """Of a camera that came later: all its messages are new."""
        return self._cursors.setdefault(stream, self._cursor(BEFORE_THE_FIRST))

    def _decoded(self, stream: StreamKey, payload: bytes) -> Message | None:
        """The message; None for what is not one, which is said and skipped."""
        try:
            return self._cursor.decode(payload)
        except PublishError as error:
            if times := self._damper.admit(str(stream)):
                _log.warning("subscribe.skipped stream=%s times=%d reason=%s", stream, times, error)
            return None


def _live(reply: dict[str, bytes | str]) -> Iterator[tuple[StreamKey, bytes]]:
    """Stream and bytes of a live message; nothing for other replies."""
    channel, payload = reply["channel"], reply["data"]
    if reply["type"] not in ("message", "pmessage") or not isinstance(channel, bytes):
        return
    stream = parse_stream_key(channel.decode())
    if stream is not None and isinstance(payload, bytes):
        yield stream, payload
