"""The reference subscriber: replay from the stream, then live, without hole or double.

How a consumer in any language gets every message once, in order per camera:

1. read the stream as far back as wanted,
2. subscribe to the channel and wait for the confirmation,
3. read the stream on from where 1 ended: between the two something may have come,
4. take what comes live, unless it is known already. Where ``seq`` and ``skipped`` show that
   something is missing (after an outage late messages go to the stream alone) read it there; of
   statuses, which have no numbers, read what the stream has each time one comes,
5. start over from 2 when the connection is lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from operator import itemgetter
from typing import Generic

from vision.config.core import RedisSettings
from vision.domain.errors import PublishError
from vision.domain.noop import noop
from vision.publishing.keys import StreamKey, parse_stream_key
from vision.publishing.reading.cursor import BEFORE_THE_FIRST, Cursor, Message
from vision.publishing.reading.live_channels import LiveChannels
from vision.publishing.reading.stream_reader import StoredMessage, StreamReader, is_before
from vision.publishing.reading.unusable_messages import LIVE, CountInvalid, UnusableMessages
from vision.redis.client import warn_if_unverified
from vision.redis.reconnector import Reconnector
from vision.redis.skipped_keys import RETRY_S, SkippedKeys
from vision.resilience.troubles import Troubles

_log = logging.getLogger(__name__)
# How often a quiet subscriber looks whether it is to stop.
_LOOK_S = 0.5
# A cluster's channels have no patterns: how soon a camera that is new is found by its stream.
_NEW_CAMERAS_S = 2.0
# How often a quiet subscriber looks whether its streams still are what they were.
_CHECK_S = 5.0
# Entries by which a stream is known again after Redis lost the newest of them.
_RECENT = 1_000


@dataclass(frozen=True, slots=True)
class ReceivedMessage(Generic[Message]):
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
        quiet_s: float = 5.0,
        on_invalid: CountInvalid = noop,
        troubles: Troubles | None = None,
    ) -> None:
        """Messages of ``cameras``, of all without any, the newest ``replay`` of each first.

        ``cursor`` says of what kind: DetectionCursor, StatusCursor or EventCursor. A server that is silent
        for ``quiet_s`` is asked whether it still answers. ``on_invalid`` hears of what is passed by,
        ``troubles`` of streams that cannot be read.

        Raises:
            ConfigError: ``redis.url`` has an option that does not exist.
        """
        self._redis = Reconnector(settings, password, _log, "subscribe")
        warn_if_unverified(settings)
        self._answer_s = settings.command_timeout_s
        self._quiet_s = quiet_s
        self._cursor = cursor
        self._wanted = [StreamKey(cursor.kind, camera) for camera in dict.fromkeys(cameras)]
        self._takes_all = not self._wanted
        self._next_wanted: list[StreamKey] | None = None
        self._replay = replay
        self._cursors: dict[StreamKey, Cursor[Message]] = {}
        self._is_started = False
        self._recent: dict[StreamKey, deque[str]] = {}
        self._passed_by = UnusableMessages(_log, "subscribe", on_invalid)
        self._left_out = SkippedKeys(_log, "subscribe", troubles)

    @property
    def connected(self) -> bool:
        """Whether Redis answers, and all that is stored was handed on."""
        return self._redis.connected

    @property
    def problem(self) -> str | None:
        """Why Redis did not answer last time, in words; None while it does."""
        return self._redis.problem

    def follow(self, cameras: Sequence[str]) -> None:
        """Hand on messages of ``cameras`` and of no others from now on; from any thread.

        All that is stored of those that are new is handed on as replayed.
        """
        self._next_wanted = [StreamKey(self._cursor.kind, name) for name in dict.fromkeys(cameras)]

    def messages(self, stop: threading.Event) -> Iterator[ReceivedMessage[Message]]:
        """Replayed messages of all cameras by time, then what comes; each camera's in order.

        Ends when ``stop`` is set. Lost connections are waited for and caught up on.
        """
        while not stop.is_set():
            with self._redis.retrying(stop):
                yield from self._connected(stop)

    def _connected(self, stop: threading.Event) -> Iterator[ReceivedMessage[Message]]:
        with (
            closing(self._redis.open()) as reading,
            LiveChannels(self._redis.open(), self._quiet_s, self._answer_s) as live,
        ):
            reader = StreamReader(reading, self._left_out)
            self._take_over_wanted()
            if not self._is_started:
                yield from self._start(reader)
            heard = self._subscribe(live, reader)
            yield from self._catch_up(reader, heard)
            looked_s = checked_s = time.monotonic()
            while not stop.is_set():
                self._redis.answered(reading)
                if new := self._take_over_wanted():
                    live.subscribe(new)
                    heard += new
                    yield from self._catch_up(reader, new)
                for stream, payload in live.listen(_LOOK_S):
                    if self._takes_all or stream in self._wanted:
                        yield from self._take_live(reader, stream, payload)
                check_s = RETRY_S if self._left_out.keys else _CHECK_S
                if time.monotonic() - checked_s > check_s:
                    checked_s = time.monotonic()
                    yield from self._check(reader)
                if not heard and (self._has_to_look(live) or not self._takes_all):
                    # Of a cluster in which no camera has published anything, or without cameras.
                    stop.wait(_LOOK_S)
                if self._has_to_look(live) and time.monotonic() - looked_s > _NEW_CAMERAS_S:
                    looked_s = time.monotonic()
                    new = [key for key in reader.streams(self._cursor.kind) if key not in heard]
                    live.subscribe(new)
                    heard += new
                    yield from self._catch_up(reader, new)

    def _subscribe(self, live: LiveChannels, reader: StreamReader) -> list[StreamKey]:
        """Subscribe to what is wanted; returns the streams that may have got messages before."""
        if not self._takes_all:
            streams = self._wanted
            live.subscribe(streams)
        elif live.has_patterns:
            live.subscribe_all(self._cursor.kind)
            streams = reader.streams(self._cursor.kind)
        else:
            streams = reader.streams(self._cursor.kind)
            live.subscribe(streams)
        return list(streams)

    def _take_over_wanted(self) -> list[StreamKey]:
        """Follow what :meth:`follow` asked for; returns the streams that are new."""
        wanted, self._next_wanted = self._next_wanted, None
        if wanted is None:
            return []
        before, self._wanted, self._takes_all = self._wanted, wanted, False
        for gone in {*before} - {*wanted}:
            self._cursors.pop(gone, None)
            self._recent.pop(gone, None)
        return [stream for stream in wanted if stream not in before]

    def _streams(self, reader: StreamReader) -> Sequence[StreamKey]:
        return reader.streams(self._cursor.kind) if self._takes_all else self._wanted

    def _has_to_look(self, live: LiveChannels) -> bool:
        """Whether cameras that come later are to be found by their streams."""
        return self._takes_all and not live.has_patterns

    def _start(self, reader: StreamReader) -> Iterator[ReceivedMessage[Message]]:
        """Hand on the newest entries and remember where each stream ended."""
        received: list[tuple[str, ReceivedMessage[Message]]] = []
        streams = self._streams(reader)
        found = reader.newest_of(streams, max(1, self._replay))
        for stream in streams:
            stored = found.get(stream, [])
            last_id = stored[-1].stream_id if stored else BEFORE_THE_FIRST
            cursor = self._cursors[stream] = self._cursor(last_id)
            latest = ""
            for stream_id, payload in stored[: self._replay]:
                message = self._decoded(stream, stream_id, payload)
                self._remember(stream, stream_id)
                if message is not None:
                    cursor.advance(message, stream_id)
                    # What a clock that was put back has stamped comes after what was before it.
                    latest = max(latest, self._cursor.moment(message))
                    received.append((latest, ReceivedMessage(message, payload, is_replayed=True)))
        self._is_started = True
        for _, one in sorted(received, key=itemgetter(0)):
            yield one

    def _catch_up(
        self, reader: StreamReader, streams: Sequence[StreamKey]
    ) -> Iterator[ReceivedMessage[Message]]:
        for stream, stored in reader.newest_of(streams, 1).items():
            self._rewind_if_made_anew(stream, stored)
            yield from self._read(reader, stream, None)

    def _check(self, reader: StreamReader) -> Iterator[ReceivedMessage[Message]]:
        """Look what the streams are now, and catch up on them.

        What waited for Redis comes on the stream alone, perhaps after it was read and as the last.
        """
        left_out = {key for name in self._left_out.keys if (key := parse_stream_key(name))}
        known = self._streams(reader)
        for stream, stored in reader.newest_of({*known, *left_out}, 1).items():
            if (
                self._rewind_if_made_anew(stream, stored)
                or stream in left_out
                or self._has_more(stream, stored)
            ):
                yield from self._read(reader, stream, None)

    def _has_more(self, stream: StreamKey, newest: Sequence[StoredMessage]) -> bool:
        """Whether the stream goes on after what was read of it."""
        after = self._cursor_of(stream).stream_id
        return bool(newest) and is_before(after, newest[0].stream_id)

    def _rewind_if_made_anew(self, stream: StreamKey, newest: Sequence[StoredMessage]) -> bool:
        """Begin again with a stream that ends before what was read, and not with what was read.

        With that it ends after Redis lost its last moments; who published fills them again.
        """
        cursor = self._cursor_of(stream)
        if not newest or not is_before(newest[0].stream_id, cursor.stream_id):
            return False
        if newest[0].stream_id in self._recent.get(stream, ()):
            return False
        _log.warning("subscribe.rewound stream=%s", stream)
        cursor.rewind()
        return True

    def _remember(self, stream: StreamKey, stream_id: str) -> None:
        self._recent.setdefault(stream, deque(maxlen=_RECENT)).append(stream_id)

    def _read(
        self, reader: StreamReader, stream: StreamKey, before: str | None
    ) -> Iterator[ReceivedMessage[Message]]:
        """Hand on what the stream has that is not handed on yet."""
        cursor = self._cursor_of(stream)
        for stream_id, payload in reader.between(stream, cursor.stream_id, before):
            message = self._decoded(stream, stream_id, payload)
            self._remember(stream, stream_id)
            if message is not None and cursor.is_new(message):
                cursor.advance(message, stream_id)
                yield ReceivedMessage(message, payload, is_replayed=True)

    def _take_live(
        self, reader: StreamReader, stream: StreamKey, payload: bytes
    ) -> Iterator[ReceivedMessage[Message]]:
        message = self._decoded(stream, LIVE, payload)
        cursor = self._cursor_of(stream)
        if message is None or not cursor.is_new(message):
            return
        missing_until = cursor.missing_until(message)
        if missing_until is not None:
            yield from self._read(reader, stream, missing_until)
            if not cursor.is_new(message):
                return
        cursor.advance(message, None)
        self._remember(stream, cursor.stream_id)
        yield ReceivedMessage(message, payload, is_replayed=False)

    def _cursor_of(self, stream: StreamKey) -> Cursor[Message]:
        """Of a camera that came later: all its messages are new."""
        return self._cursors.setdefault(stream, self._cursor(BEFORE_THE_FIRST))

    def _decoded(self, stream: StreamKey, entry: str, payload: bytes) -> Message | None:
        """The message; None for what is none of this camera."""
        reason: object = "it is another camera's"
        try:
            message = self._cursor.decode(payload)
            if message.camera == stream.camera:
                return message
        except PublishError as error:
            reason = error
        self._passed_by.note(stream, entry, reason)
        return None
