"""Events for one who does something with each: none left out, none twice, over restarts too.

The live channel only wakes; what there is is read from the stream, whose ids say how far one has
come. Whoever did something with an event says so by :func:`narrated_key`'s value, and the next
start goes on from there.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import redis

from vision.config.topics import RedisSettings
from vision.domain.errors import ConfigError, PublishError
from vision.domain.event import EventMessage
from vision.frames.redis_client import address_of
from vision.frames.redis_connector import ASK_PERIOD_S, RedisConnector, reconnect_backoff
from vision.frames.redis_errors import NoPrimaryError, explain, is_of_another_type
from vision.frames.redis_link import RedisLink
from vision.publishing.encoding import decode_event
from vision.publishing.keys import Kind, StreamKey, narrated_key
from vision.publishing.reading.cursor import BEFORE_THE_FIRST
from vision.publishing.reading.live_channels import LiveChannels
from vision.publishing.reading.stream_reader import StoredMessage, StreamReader
from vision.resilience.damping import Damper

_log = logging.getLogger(__name__)
_LISTEN_S = 0.25
# How soon a new camera of a cluster is found, and what a channel left out.
_LOOK_S = 1.0
_QUIET_S = 5.0
_ID = re.compile(rb"\d{1,20}-\d{1,20}")
_LOG_PERIOD_S = 60.0


@dataclass(frozen=True, slots=True)
class FedEvent:
    """An entry of a camera's stream of events.

    Attributes:
        camera: Whose stream it is.
        stream_id: The entry.
        message: What it holds; None for what is no event message of this camera.
    """

    camera: str
    stream_id: str
    message: EventMessage | None


class EventFeed:
    """Hands on the events of all cameras, in order per camera; used by one thread."""

    def __init__(
        self,
        settings: RedisSettings,
        password: Callable[[], str | None],
        cameras: Sequence[str] = (),
    ) -> None:
        """Events of ``cameras``, of all without any.

        Raises:
            ConfigError: ``redis.url`` has an option that does not exist.
        """
        self._settings = settings
        self._connector = RedisConnector(settings, password)
        self._wanted = [StreamKey(Kind.EVENTS, camera) for camera in dict.fromkeys(cameras)]
        self._after: dict[StreamKey, str] = {}
        self._is_started = False
        self._backoff = reconnect_backoff(settings)
        self._damper = Damper(_LOG_PERIOD_S)
        self.turned_ns = time.monotonic_ns()
        """When it last looked around, monotonic."""
        self.connected = False
        """Whether Redis answered last time."""

    def events(self, stop: threading.Event) -> Iterator[FedEvent]:
        """Each event once, until ``stop`` is set; lost connections are waited for."""
        while not stop.is_set():
            self.turned_ns = time.monotonic_ns()
            try:
                yield from self._connected(stop)
            except (redis.RedisError, ConfigError) as error:
                self.connected = False
                reason = explain(error)
                if self._damper.admit(reason):
                    address = address_of(self._settings)
                    _log.warning("feed.redis_away address=%s reason=%s", address, reason)
                stop.wait(self._backoff.next_s())

    def _connected(self, stop: threading.Event) -> Iterator[FedEvent]:
        with (
            closing(self._connector.open()) as link,
            LiveChannels(
                self._connector.open(), _QUIET_S, self._settings.command_timeout_s
            ) as live,
        ):
            reader = StreamReader(link)
            heard = self._subscribe(live)
            self._backoff.reset()
            looked_s = asked_s = float("-inf")
            woken: set[StreamKey] = set()
            while not stop.is_set():
                self.turned_ns = time.monotonic_ns()
                now_s = time.monotonic()
                if now_s - looked_s >= _LOOK_S:
                    looked_s = now_s
                    there = self._wanted or reader.streams(Kind.EVENTS)
                    if not live.has_patterns:
                        live.subscribe([key for key in there if key not in heard])
                        heard.update(there)
                    woken.update(there)
                yield from self._new_of(link, reader, woken)
                self._is_started = self.connected = True
                if now_s - asked_s >= ASK_PERIOD_S:
                    asked_s = now_s
                    if not self._connector.is_current(link):
                        raise NoPrimaryError("another server is the primary now")
                if not heard and not live.has_patterns:
                    # Of a cluster in which no camera has told of an event yet.
                    stop.wait(_LISTEN_S)
                woken = {stream for stream, _ in live.listen(_LISTEN_S)}

    def _subscribe(self, live: LiveChannels) -> set[StreamKey]:
        if self._wanted:
            live.subscribe(self._wanted)
        elif live.has_patterns:
            live.subscribe_all(Kind.EVENTS)
        return set(self._wanted)

    def _new_of(
        self, link: RedisLink, reader: StreamReader, streams: Iterable[StreamKey]
    ) -> Iterator[FedEvent]:
        for stream in sorted(streams):
            if stream not in self._after:
                self._after[stream] = self._first(link, reader, stream)
            for stream_id, payload in self._between(reader, stream):
                self._after[stream] = stream_id
                yield FedEvent(stream.camera, stream_id, self._decoded(stream, payload))

    def _between(self, reader: StreamReader, stream: StreamKey) -> Iterator[StoredMessage]:
        """What is new on a stream; nothing of a name that is something else."""
        try:
            yield from reader.between(stream, self._after[stream])
        except redis.ResponseError as error:
            if not is_of_another_type(error):
                raise
            if self._damper.admit(f"{stream} type"):
                _log.warning("feed.skipped stream=%s reason=%s", stream, explain(error))

    def _first(self, link: RedisLink, reader: StreamReader, stream: StreamKey) -> str:
        """The entry after which to begin: what was dealt with before, or all that was there."""
        key = narrated_key(stream.camera)
        node = link.node_of(key)
        known = node.get(key)
        if isinstance(known, bytes) and _ID.fullmatch(known):
            return known.decode()
        try:
            newest = [] if self._is_started else reader.newest(stream, 1)
        except redis.ResponseError as error:
            if not is_of_another_type(error):
                raise
            newest = []
        first = newest[-1].stream_id if newest else BEFORE_THE_FIRST
        # At once: who is killed before the first sentence begins here again.
        node.set(key, first, nx=True)
        return first

    def _decoded(self, stream: StreamKey, payload: bytes) -> EventMessage | None:
        try:
            message = decode_event(payload)
        except PublishError as error:
            reason = str(error)
        else:
            if message.camera == stream.camera:
                return message
            reason = "it is another camera's"
        if times := self._damper.admit(str(stream)):
            _log.warning("feed.skipped stream=%s times=%d reason=%s", stream, times, reason)
        return None
