"""Follows the streams of events from a place that Redis remembers, for whoever acts on each event.

The stream is the queue: what is not settled yet is read again after a restart, and as much may wait
as the stream keeps. What it had to let go of is counted (docs/adr/0031).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple

import redis

from vision.config.core import RedisSettings
from vision.domain.errors import ConfigError, PublishError
from vision.domain.event import EventMessage
from vision.domain.noop import noop
from vision.publishing.encoding import decode_event
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.reading.offsets import OffsetStore, StreamPosition
from vision.publishing.reading.stream_reader import (
    StoredMessage,
    StreamReader,
    StreamState,
    is_before,
)
from vision.publishing.reading.unusable_messages import CountInvalid, UnusableMessages
from vision.redis.errors import explain
from vision.redis.link import RedisLink
from vision.redis.reconnector import Reconnector
from vision.redis.skipped_keys import SkippedKeys
from vision.resilience.troubles import Troubles

_log = logging.getLogger(__name__)
_READ_S = 0.2
_STORE_S = 1.0
# Entries by which a stream is known again after Redis lost the newest of them.
_RECENT = 1_000


class FollowedEntry(NamedTuple):
    """An entry of a camera's stream of events.

    Attributes:
        camera: Whose stream it is.
        place: The entry.
        payload: The bytes it came as.
        message: What they say; None for what is no event of this camera.
    """

    camera: str
    place: StreamPosition
    payload: bytes
    message: EventMessage | None


class EventFollower:
    """Hands on entries in order; :meth:`ack` may be called by any thread, the rest by one."""

    def __init__(
        self,
        settings: RedisSettings,
        password: Callable[[], str | None],
        places: OffsetStore,
        cameras: Sequence[str] = (),
        *,
        on_lost: Callable[[str, int], None] | None = None,
        on_invalid: CountInvalid = noop,
        troubles: Troubles | None = None,
        look_s: float = 1.0,
    ) -> None:
        """Follow ``cameras``, all without any, from ``places`` on.

        ``on_lost`` hears of a camera's entries that were trimmed away before they were read; that
        takes places with numbers; ``on_invalid`` of what is no event, and
        ``troubles`` of keys that cannot be read. New cameras, and what was trimmed, are looked for each ``look_s``.

        Raises:
            ConfigError: ``redis.url`` has an option that does not exist.
        """
        self._redis = Reconnector(settings, password, _log, "follow")
        self._places = places
        self._wanted = [StreamKey(Kind.EVENTS, camera) for camera in dict.fromkeys(cameras)]
        self._on_lost = on_lost
        self._look_s = look_s
        self._read: dict[StreamKey, StreamPosition] = {}
        self._left_out = SkippedKeys(_log, "follow", troubles)
        self._unplaced: frozenset[StreamKey] = frozenset()
        self._recent: dict[StreamKey, deque[str]] = {}
        self._in_hand: deque[FollowedEntry] = deque()
        self._settled: dict[str, StreamPosition] = {}
        self._lock = threading.Lock()
        self._is_started = False
        self._link: RedisLink | None = None
        self._passed_by = UnusableMessages(_log, "follow", on_invalid)
        self.last_heartbeat_ns = time.monotonic_ns()
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

    def entries(self, stop: threading.Event) -> Iterator[FollowedEntry]:
        """What comes, until ``stop`` is set; a connection that is lost is waited for."""
        while not stop.is_set():
            self.last_heartbeat_ns = time.monotonic_ns()
            with self._redis.retrying(stop), closing(self._redis.open()) as link:
                self._link = link
                yield from self._follow(link, stop)
            self._link = None

    def ack(self, entry: FollowedEntry) -> None:
        """Note that ``entry`` and those of its camera before it need not be read again."""
        with self._lock:
            self._settled[entry.camera] = entry.place

    def poll(self) -> None:
        """Count what waits while what was handed on is dealt with; by the thread that reads."""
        self.last_heartbeat_ns = time.monotonic_ns()
        if self._link is not None:
            try:
                self._look_around(self._link, self._reader(self._link))
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

    def _follow(self, link: RedisLink, stop: threading.Event) -> Iterator[FollowedEntry]:
        reader = self._reader(link)
        looked_s = float("-inf")
        while not stop.is_set():
            self.last_heartbeat_ns = time.monotonic_ns()
            if time.monotonic() - looked_s >= self._look_s:
                looked_s = time.monotonic()
                self._look_around(link, reader)
            self._redis.answered(link)
            self._take(reader, stop)
            yield from self._handed_on(link, stop)
            self._store(link)

    def _take(self, reader: StreamReader, stop: threading.Event) -> None:
        """Read what comes next, waiting a little for it; not before a loss left nothing behind."""
        if self._in_hand:
            return
        after = {stream: place.stream_id for stream, place in self._read.items()}
        if not after:
            stop.wait(_READ_S)
            return
        for stream, stored in reader.read(after, _READ_S).items():
            self._in_hand.extend(self._noted(stream, stored))

    def _noted(self, stream: StreamKey, stored: Sequence[StoredMessage]) -> Iterator[FollowedEntry]:
        for stream_id, payload in stored:
            place = self._read[stream] = StreamPosition(stream_id, self._read[stream].number + 1)
            self._recent.setdefault(stream, deque(maxlen=_RECENT)).append(stream_id)
            message = self._decoded(stream, stream_id, payload)
            yield FollowedEntry(stream.camera, place, payload, message)

    def _handed_on(self, link: RedisLink, stop: threading.Event) -> Iterator[FollowedEntry]:
        """Hand on what was read, and remember now and then what of it is settled."""
        stored_s = time.monotonic()
        while self._in_hand and not stop.is_set():
            yield self._in_hand.popleft()
            self.last_heartbeat_ns = time.monotonic_ns()
            if time.monotonic() - stored_s >= _STORE_S:
                stored_s = time.monotonic()
                self._store(link)

    def _reader(self, link: RedisLink) -> StreamReader:
        return StreamReader(link, self._left_out)

    def _decoded(self, stream: StreamKey, stream_id: str, payload: bytes) -> EventMessage | None:
        reason: object = "it is another camera's"
        try:
            message = decode_event(payload)
            if message.camera == stream.camera:
                return message
        except PublishError as error:
            reason = error
        self._passed_by.note(stream, stream_id, reason)
        return None

    def _look_around(self, link: RedisLink, reader: StreamReader) -> None:
        """Find new cameras; count what was let go of before it was read, and what waits."""
        streams = self._wanted or sorted({*reader.streams(Kind.EVENTS), *self._read})
        states = reader.states(streams)
        self._begin(link, [stream for stream in streams if stream not in self._read], states)
        waiting = 0
        for stream, state in states.items():
            if stream not in self._read:
                continue
            if state is None:
                # Gone with a server that had kept nothing: what comes then is all new.
                self._read[stream] = StreamPosition()
                continue
            if is_before(state.newest_id, self._read[stream].stream_id):
                self._read[stream] = self._place_in_another(stream, state)
            if self._on_lost is not None and state.added is not None:
                waiting += self._count(stream, state.length, state.added)
        self.waiting = waiting

    def _begin(
        self,
        link: RedisLink,
        new: Sequence[StreamKey],
        states: Mapping[StreamKey, StreamState | None],
    ) -> None:
        """Find the places of streams that are not followed yet."""
        if not new and self._is_started:
            return
        # What comes up later is all new; but who could not be placed may be known.
        asked = [key for key in new if not self._is_started or key in self._unplaced]
        known, unknown = self._places.load(link, [key.camera for key in asked], self._left_out)
        begun: dict[str, StreamPosition] = {}
        for stream in new:
            if stream.camera in unknown:
                continue
            if (place := known.get(stream.camera)) is None:
                state = states.get(stream) if stream in asked else None
                place = (
                    StreamPosition(state.newest_id, state.added or 0) if state else StreamPosition()
                )
                # At once: who is killed before the first entry is settled begins here again.
                begun[stream.camera] = place
            self._read[stream] = place
        self._unplaced = frozenset(stream for stream in new if stream.camera in unknown)
        self._places.store(link, begun)
        self._is_started = True

    def _place_in_another(self, stream: StreamKey, state: StreamState) -> StreamPosition:
        """Where to go on in a stream that ends before the last entry that was read.

        Redis forgot the newest entries, or somebody made the stream anew: then all of it is new.
        """
        is_known = state.newest_id in self._recent.get(stream, ())
        place = StreamPosition(state.newest_id, state.added or 0) if is_known else StreamPosition()
        _log.warning("follow.rewound stream=%s after=%s", stream, place.stream_id)
        return place

    def _count(self, stream: StreamKey, length: int, added: int) -> int:
        """Tell what was let go of before it was read; returns what waits."""
        place = self._read[stream]
        lost = added - length - place.number
        if lost > 0 and self._on_lost is not None:
            self._on_lost(stream.camera, lost)
            _log.warning("follow.trimmed stream=%s entries=%d", stream, lost)
        number = min(place.number + max(0, lost), added)
        self._read[stream] = StreamPosition(place.stream_id, number)
        return added - number

    def _store(self, link: RedisLink) -> None:
        with self._lock:
            acked, self._settled = self._settled, {}
        if acked:
            try:
                self._places.store(link, acked)
            except redis.RedisError:
                with self._lock:
                    self._settled = acked | self._settled
                raise
