"""Follows streams from a place that Redis remembers, for what has to arrive elsewhere.

The stream is the queue: what is not settled yet is read again after a restart, and as much may wait
as the stream keeps. What it had to let go of is counted (docs/adr/0031).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple, cast

import redis

from vision.config.topics import RedisSettings
from vision.domain.errors import ConfigError
from vision.frames.redis_client import address_of
from vision.frames.redis_connector import ASK_PERIOD_S, RedisConnector, reconnect_backoff
from vision.frames.redis_errors import NoPrimaryError, explain
from vision.frames.redis_link import RedisLink
from vision.publishing.keys import MESSAGE_FIELD, Kind, StreamKey, position_key
from vision.publishing.reading.cursor import BEFORE_THE_FIRST
from vision.publishing.reading.stream_reader import StreamReader
from vision.resilience.damping import Damper

_log = logging.getLogger(__name__)
_PAGE = 100
_BLOCK_MS = 200
# Of a cluster, where one command cannot wait for several nodes, and before there is a stream.
_IDLE_S = 0.1
_STORE_S = 1.0
_LOG_PERIOD_S = 60.0
# No camera can be called so: the follower of this name was here before.
_KNOWN = "."


class Followed(NamedTuple):
    """An entry: whose, its id, its message, and how many the stream had got with it."""

    camera: str
    stream_id: str
    payload: bytes
    number: int


class _Place(NamedTuple):
    stream_id: str
    number: int

    @classmethod
    def parse(cls, text: str) -> _Place:
        stream_id, _, number = text.partition(" ")
        return cls(stream_id, int(number))

    def __str__(self) -> str:
        return f"{self.stream_id} {self.number}"


class StreamFollower:
    """Hands on entries in order; :meth:`settle` may be called by any thread, the rest by one."""

    def __init__(
        self,
        settings: RedisSettings,
        password: Callable[[], str | None],
        kind: Kind,
        name: str,
        cameras: Sequence[str] = (),
        *,
        on_lost: Callable[[str, int], None],
        look_s: float = 2.0,
    ) -> None:
        """Follow ``cameras``, all without any, as ``name``, which is begun with what comes now.

        ``on_lost`` hears of a camera's entries that were trimmed away before they were read.
        New cameras, and what was trimmed, are looked for each ``look_s``.

        Raises:
            ConfigError: ``redis.url`` has an option that does not exist.
        """
        self._settings = settings
        self._connector = RedisConnector(settings, password)
        self._kind = kind
        self._key = position_key(name)
        self._cameras = cameras
        self._on_lost = on_lost
        self._look_s = look_s
        self._read: dict[str, _Place] = {}
        self._settled: dict[str, _Place] = {}
        self._lock = threading.Lock()
        self._is_started = False
        self._link: RedisLink | None = None
        self._backoff = reconnect_backoff(settings)
        self._damper = Damper(_LOG_PERIOD_S)
        self.connected = False
        self.turned_ns = time.monotonic_ns()
        self.waiting = 0
        """Entries that nobody has read yet, as of the last look; 0 before Redis 7."""

    def entries(self, stop: threading.Event) -> Iterator[Followed]:
        """What comes, until ``stop`` is set; a connection that is lost is waited for."""
        while not stop.is_set():
            try:
                with closing(self._connector.open()) as link:
                    yield from self._follow(link, stop)
            except (redis.RedisError, ConfigError) as error:
                self.connected, self._link = False, None
                reason = explain(error)
                if self._damper.admit(reason):
                    address = address_of(self._settings)
                    _log.warning("follow.redis_away address=%s reason=%s", address, reason)
                stop.wait(self._backoff.next_s())

    def settle(self, entry: Followed) -> None:
        """Note that ``entry`` and those of its camera before it need not be read again."""
        with self._lock:
            self._settled[entry.camera] = _Place(entry.stream_id, entry.number)

    def look(self) -> None:
        """Count what waits while what was handed on is dealt with; by the thread that reads."""
        self.turned_ns = time.monotonic_ns()
        if self._link is not None:
            try:
                self._look_around(self._link, StreamReader(self._link))
                self._store(self._link)
            except redis.RedisError:
                # Told when the next entry is asked for.
                self.connected, self._link = False, None

    def store(self) -> None:
        """Remember what is settled, at the end; what cannot be is read again."""
        try:
            with closing(self._connector.open()) as link:
                self._store(link)
        except (redis.RedisError, ConfigError) as error:
            _log.warning("follow.not_stored reason=%s", explain(error))

    def _follow(self, link: RedisLink, stop: threading.Event) -> Iterator[Followed]:
        reader = StreamReader(link)
        if not self._is_started:
            self._load(link, reader)
        self._backoff.reset()
        looked_s = asked_s = float("-inf")
        while not stop.is_set():
            self.turned_ns = time.monotonic_ns()
            now_s = time.monotonic()
            if now_s - asked_s >= ASK_PERIOD_S:
                asked_s = now_s
                if not self._connector.is_current(link):
                    raise NoPrimaryError("another server is the primary now")
            if now_s - looked_s >= self._look_s:
                looked_s = now_s
                self._look_around(link, reader)
            found = self._next(link)
            self.connected, self._link = True, link
            yield from self._taken(link, found)
            self._store(link)
            if not self._read or not self._can_block(link):
                stop.wait(_IDLE_S)

    def _taken(self, link: RedisLink, found: list[Followed]) -> Iterator[Followed]:
        """Hand on ``found``, and remember now and then what of it is settled."""
        stored_s = time.monotonic()
        for entry in found:
            yield entry
            self.turned_ns = time.monotonic_ns()
            if time.monotonic() - stored_s >= _STORE_S:
                stored_s = time.monotonic()
                self._store(link)

    def _load(self, link: RedisLink, reader: StreamReader) -> None:
        """Take up where this name had come to; the first time that is now."""
        node = link.node_of(self._key)
        stored = cast("dict[bytes, bytes]", node.hgetall(self._key))
        cameras = self._cameras or [stream.camera for stream in reader.streams(self._kind)]
        self._read = {camera: _Place(BEFORE_THE_FIRST, 0) for camera in cameras}
        if stored:
            for name, text in stored.items():
                if (camera := name.decode()) != _KNOWN and (
                    camera in self._read or not self._cameras
                ):
                    self._read[camera] = _Place.parse(text.decode())
        else:
            for camera in cameras:
                if (about := self._about(link, camera)) is not None:
                    newest = about["last-generated-id"].decode()
                    self._read[camera] = _Place(newest, about.get("entries-added", 0))
            places: dict[Any, Any] = {name: str(place) for name, place in self._read.items()}
            node.hset(self._key, mapping={_KNOWN: "", **places})
        self._is_started = True

    def _next(self, link: RedisLink) -> list[Followed]:
        nodes: dict[int, tuple[redis.Redis, dict[Any, Any]]] = {}
        for camera, place in self._read.items():
            stream = str(StreamKey(self._kind, camera))
            node = link.node_of(stream)
            nodes.setdefault(id(node), (node, {}))[1][stream] = place.stream_id
        block = _BLOCK_MS if self._can_block(link) else None
        found: list[Followed] = []
        for node, streams in nodes.values():
            reply = cast("list[Any]", node.xread(streams, count=_PAGE, block=block))
            for name, entries in reply or ():
                camera = name.decode().partition("{")[2].removesuffix("}")
                found += self._noted(camera, entries)
        return found

    def _noted(
        self, camera: str, entries: Sequence[tuple[bytes, dict[bytes, bytes]]]
    ) -> Iterator[Followed]:
        for stream_id, fields in entries:
            place = _Place(stream_id.decode(), self._read[camera].number + 1)
            self._read[camera] = place
            payload = fields.get(MESSAGE_FIELD.encode(), b"")
            yield Followed(camera, place.stream_id, payload, place.number)

    def _look_around(self, link: RedisLink, reader: StreamReader) -> None:
        """Find new cameras; count what was let go of before it was read, and what waits."""
        if not self._cameras:
            for stream in reader.streams(self._kind):
                self._read.setdefault(stream.camera, _Place(BEFORE_THE_FIRST, 0))
        waiting = 0
        for camera, place in self._read.items():
            about = self._about(link, camera)
            if about is None:
                # Gone with a server that had kept nothing: what comes then is all new.
                self._read[camera] = _Place(BEFORE_THE_FIRST, 0)
                continue
            added = about.get("entries-added")
            if added is None:
                continue
            lost = added - about["length"] - place.number
            if lost > 0:
                self._on_lost(camera, lost)
                _log.warning("follow.trimmed name=%s camera=%s entries=%d", self._key, camera, lost)
            count = min(place.number + max(0, lost), added)
            self._read[camera] = _Place(place.stream_id, count)
            waiting += added - count
        self.waiting = waiting

    def _about(self, link: RedisLink, camera: str) -> dict[str, Any] | None:
        stream = str(StreamKey(self._kind, camera))
        try:
            return link.node_of(stream).xinfo_stream(stream)
        except redis.ResponseError as error:
            if "no such key" in str(error):
                return None
            raise

    def _store(self, link: RedisLink) -> None:
        with self._lock:
            settled, self._settled = self._settled, {}
        if settled:
            places: dict[Any, Any] = {name: str(place) for name, place in settled.items()}
            try:
                link.node_of(self._key).hset(self._key, mapping=places)
            except redis.RedisError:
                with self._lock:
                    self._settled = settled | self._settled
                raise

    @staticmethod
    def _can_block(link: RedisLink) -> bool:
        return not link.is_cluster
