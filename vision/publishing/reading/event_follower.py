"""Follows the streams of events from a place that Redis remembers, for whoever acts on each event.

The stream is the queue: what is not settled yet is read again after a restart, and as much may wait
as the stream keeps. What it had to let go of is counted (docs/adr/0031).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

import redis

from vision.config.topics import RedisSettings
from vision.domain.errors import ConfigError, PublishError
from vision.domain.event import EventMessage
from vision.frames.redis_errors import explain, is_of_another_type
from vision.frames.redis_link import RedisLink
from vision.frames.redis_reconnector import Reconnector
from vision.publishing.encoding import decode_event
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.reading.places import Place, Places
from vision.publishing.reading.stream_reader import StoredMessage, StreamReader
from vision.resilience.damping import Damper

_log = logging.getLogger(__name__)
_READ_S = 0.2
_STORE_S = 1.0
_LOG_PERIOD_S = 60.0


class Followed(NamedTuple):
    """An entry of a camera's stream of events.

    Attributes:
        camera: Whose stream it is.
        place: The entry.
        payload: The bytes it came as.
        message: What they say; None for what is no event of this camera.
    """

    camera: str
    place: Place
    payload: bytes
    message: EventMessage | None


class EventFollower:
    """Hands on entries in order; :meth:`settle` may be called by any thread, the rest by one."""

    def __init__(
        self,
        settings: RedisSettings,
        password: Callable[[], str | None],
        places: Places,
        cameras: Sequence[str] = (),
        *,
        on_lost: Callable[[str, int], None] | None = None,
        look_s: float = 1.0,
    ) -> None:
        """Follow ``cameras``, all without any, from ``places`` on.

        ``on_lost`` hears of a camera's entries that were trimmed away before they were read; that
        takes places with numbers. New cameras, and what was trimmed, are looked for each ``look_s``.

        Raises:
            ConfigError: ``redis.url`` has an option that does not exist.
        """
        self._redis = Reconnector(settings, password, _log, "follow")
        self._places = places
        self._wanted = [StreamKey(Kind.EVENTS, camera) for camera in dict.fromkeys(cameras)]
        self._on_lost = on_lost
        self._look_s = look_s
        self._read: dict[StreamKey, Place] = {}
        self._others: set[StreamKey] = set()
        self._in_hand: deque[Followed] = deque()
        self._settled: dict[str, Place] = {}
        self._lock = threading.Lock()
        self._is_started = False
        self._link: RedisLink | None = None
        self._damper = Damper(_LOG_PERIOD_S)
        self.turned_ns = time.monotonic_ns()
        """When it last looked around, monotonic."""
        self.waiting = 0
        """Entries that nobody has read yet, as of the last look; 0 where they are not counted."""

    @property
    def connected(self) -> bool:
        """Whether Redis answered last time."""
        return self._redis.connected

    @property
    def problem(self) -> str | None:
        """Why Redis did not answer last time, in words; None while it does."""
        return self._redis.problem

    def entries(self, stop: threading.Event) -> Iterator[Followed]:
        """What comes, until ``stop`` is set; a connection that is lost is waited for."""
        while not stop.is_set():
            self.turned_ns = time.monotonic_ns()
            with self._redis.outlast(stop), closing(self._redis.open()) as link:
                self._link = link
                yield from self._follow(link, stop)
            self._link = None

    def settle(self, entry: Followed) -> None:
        """Note that ``entry`` and those of its camera before it need not be read again."""
        with self._lock:
            self._settled[entry.camera] = entry.place

    def look(self) -> None:
        """Count what waits while what was handed on is dealt with; by the thread that reads."""
        self.turned_ns = time.monotonic_ns()
        if self._link is not None:
            try:
                self._look_around(self._link, StreamReader(self._link))
                self._store(self._link)
            except redis.RedisError:
                # Told when the next entry is asked for.
                self._redis.connected, self._link = False, None

    def store(self) -> None:
        """Remember what is settled, at the end; what cannot be is read again."""
        if not self._settled:
            return
        try:
            with closing(self._redis.open()) as link:
                self._store(link)
        except (redis.RedisError, ConfigError) as error:
            _log.warning("follow.not_stored reason=%s", explain(error))

    def _follow(self, link: RedisLink, stop: threading.Event) -> Iterator[Followed]:
        reader = StreamReader(link)
        looked_s = float("-inf")
        while not stop.is_set():
            self.turned_ns = time.monotonic_ns()
            if time.monotonic() - looked_s >= self._look_s:
                looked_s = time.monotonic()
                self._look_around(link, reader)
            self._redis.answered(link)
            try:
                self._take(reader, stop)
            except redis.ResponseError as error:
                if not is_of_another_type(error):
                    raise
                # Which one it is shows at a look.
                looked_s = float("-inf")
            yield from self._handed_on(link, stop)
            self._store(link)

    def _take(self, reader: StreamReader, stop: threading.Event) -> None:
        """Read what comes next, waiting a little for it; not before a loss left nothing behind."""
        if self._in_hand:
            return
        after = {
            stream: place.stream_id
            for stream, place in self._read.items()
            if stream not in self._others
        }
        if not after:
            stop.wait(_READ_S)
            return
        for stream, stored in reader.read(after, _READ_S).items():
            self._in_hand.extend(self._noted(stream, stored))

    def _noted(self, stream: StreamKey, stored: Sequence[StoredMessage]) -> Iterator[Followed]:
        for stream_id, payload in stored:
            place = self._read[stream] = Place(stream_id, self._read[stream].number + 1)
            yield Followed(stream.camera, place, payload, self._decoded(stream, payload))

    def _handed_on(self, link: RedisLink, stop: threading.Event) -> Iterator[Followed]:
        """Hand on what was read, and remember now and then what of it is settled."""
        stored_s = time.monotonic()
        while self._in_hand and not stop.is_set():
            yield self._in_hand.popleft()
            self.turned_ns = time.monotonic_ns()
            if time.monotonic() - stored_s >= _STORE_S:
                stored_s = time.monotonic()
                self._store(link)

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
            _log.warning("follow.skipped stream=%s times=%d reason=%s", stream, times, reason)
        return None

    def _look_around(self, link: RedisLink, reader: StreamReader) -> None:
        """Find new cameras; count what was let go of before it was read, and what waits."""
        streams = self._wanted or sorted({*reader.streams(Kind.EVENTS), *self._read})
        states = reader.states(streams)
        self._others = {stream for stream in streams if stream not in states}
        for stream in self._others:
            if self._damper.admit(f"{stream} type"):
                _log.warning("follow.skipped stream=%s reason=it is of another type", stream)
        new = [stream for stream in streams if stream not in self._read]
        if new or not self._is_started:
            known = {} if self._is_started else self._places.load(link, [key.camera for key in new])
            begun: dict[str, Place] = {}
            for stream in new:
                if (place := known.get(stream.camera)) is None:
                    state = None if self._is_started else states.get(stream)
                    place = Place(state.newest_id, state.added or 0) if state else Place()
                    # At once: who is killed before the first entry is settled begins here again.
                    begun[stream.camera] = place
                self._read[stream] = place
            self._places.store(link, begun)
            self._is_started = True
        waiting = 0
        for stream, state in states.items():
            if state is None:
                # Gone with a server that had kept nothing: what comes then is all new.
                self._read[stream] = Place()
            elif self._on_lost is not None and state.added is not None:
                place = self._read[stream]
                lost = state.added - state.length - place.number
                if lost > 0:
                    self._on_lost(stream.camera, lost)
                    _log.warning("follow.trimmed stream=%s entries=%d", stream, lost)
                number = min(place.number + max(0, lost), state.added)
                self._read[stream] = Place(place.stream_id, number)
                waiting += state.added - number
        self.waiting = waiting

    def _store(self, link: RedisLink) -> None:
        with self._lock:
            settled, self._settled = self._settled, {}
        if settled:
            try:
                self._places.store(link, settled)
            except redis.RedisError:
                with self._lock:
                    self._settled = settled | self._settled
                raise
