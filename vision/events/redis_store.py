"""What the events worker reads from Redis and writes to it, over one connection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import redis

from vision.domain.errors import PublishError
from vision.domain.event import EventMessage, EventType
from vision.events.redis_scripts import (
    COMMIT,
    FREE,
    HOLD,
    LIVE,
    WORKERS,
    lease_key,
    state_key,
)
from vision.publishing.encoding import decode_event
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.reading.stream_reader import StoredMessage, StreamReader
from vision.redis.errors import is_of_another_type
from vision.redis.link import Exchange, RedisLink
from vision.redis.skipped_keys import SkippedKeys

LEASE_MS = 4_000
"""How long a camera stays with a worker that has gone silent."""
# Longer than anybody leaves a stack switched off; a camera that is no more is forgotten then.
_STATE_S = 30 * 24 * 3600
_WORKER = re.compile(rb"[0-9a-f]{16}")
_SCRIPTS = (HOLD, FREE, LIVE, COMMIT)


class EventWrite(NamedTuple):
    """What a worker has to say of one camera: messages under their ids, and its state after."""

    camera: str
    messages: Sequence[StoredMessage]
    state: bytes


@dataclass(frozen=True, slots=True)
class OpenEvents:
    """What a stream says of events: the last messages of those that have not ended."""

    newest_id: str | None
    messages: Mapping[str, EventMessage]


class EventStore:
    """Leases, streams and states of the cameras on one Redis or cluster; used by one thread."""

    def __init__(self, link: RedisLink, worker: str, kept: int, left_out: SkippedKeys) -> None:
        """``worker`` is a name nobody else has, 16 hexadecimal digits; streams are trimmed to ``kept`` messages.

        ``left_out`` hears of the keys that are of another type; their cameras are gone without.

        Raises:
            redis.RedisError: A server does not answer, or knows no scripts.
        """
        self._link = link
        self._worker = worker
        self._kept = kept
        self._left_out = left_out
        self._reader = StreamReader(link, left_out)
        self._sha: dict[str, str] = {}
        for node in link.nodes:
            for script in _SCRIPTS:
                self._sha[script] = node.script_load(script)

    def cameras(self) -> list[str]:
        """All cameras that have published detections."""
        return [key.camera for key in self._reader.streams(Kind.DETECTIONS)]

    @staticmethod
    def keys_of(cameras: Iterable[str]) -> Iterator[str]:
        """All keys that are read and written for ``cameras``."""
        yield WORKERS
        for camera in cameras:
            for kind in (Kind.DETECTIONS, Kind.STATUS, Kind.EVENTS):
                yield str(StreamKey(kind, camera))
            yield lease_key(camera)
            yield state_key(camera)

    def workers(self) -> int:
        """Say that this one lives, and count all that do; itself alone where nobody can say it."""
        try:
            living = self._live(LEASE_MS)
        except redis.ResponseError as error:
            self._left_out.admits(WORKERS, error)
            return 1
        self._left_out.clear(WORKERS)
        return max(1, living)

    def leave(self, cameras: Iterable[str]) -> None:
        """Let others have ``cameras`` at once, and count as a worker no more."""
        self.free(cameras)
        if WORKERS not in self._left_out:
            self._live(0)

    def hold(self, cameras: Sequence[str]) -> set[str]:
        """Take or keep ``cameras``; returns those that are this worker's now."""
        exchange = self._link.exchange()
        for camera in cameras:
            self._call(exchange, HOLD, [lease_key(camera)], self._worker, LEASE_MS)
        return self._granted(cameras, exchange)

    def is_sound(self, camera: str) -> bool:
        """Whether what is kept of a camera, and written for it, has the type that it is to have."""
        lease, state = lease_key(camera), state_key(camera)
        stream = str(StreamKey(Kind.EVENTS, camera))
        exchange = self._link.exchange()
        exchange.at(lease).get(lease)
        exchange.at(state).get(state)
        exchange.at(stream).xrevrange(stream, count=1)
        replies = zip((lease, state, stream), exchange.execute(), strict=True)
        # Each is looked at, so that all that are of another type are named.
        admitted = [self._left_out.admits(key, reply) for key, reply in replies]
        return all(admitted)

    def unheld(self, cameras: Sequence[str]) -> list[str]:
        """Those of ``cameras`` that nobody tracks: their leases have no worker's name."""
        exchange = self._link.exchange()
        for camera in cameras:
            exchange.at(lease_key(camera)).get(lease_key(camera))
        replies = _without_other_types(exchange)
        return [
            camera
            for camera, holder in zip(cameras, replies, strict=True)
            if not (isinstance(holder, bytes) and _WORKER.fullmatch(holder))
        ]

    def free(self, cameras: Iterable[str]) -> None:
        """Let others have ``cameras`` at once."""
        exchange = self._link.exchange()
        for camera in cameras:
            self._call(exchange, FREE, [lease_key(camera)], self._worker)
        _without_other_types(exchange)

    def state(self, camera: str) -> bytes | None:
        """What the last worker left."""
        key = state_key(camera)
        return cast("bytes | None", self._link.node_of(key).get(key))

    def newest(self, stream: StreamKey, count: int) -> list[StoredMessage]:
        """The last entries of a stream, oldest first."""
        return self._reader.newest(stream, count)

    def newest_ids(self, streams: Iterable[StreamKey]) -> dict[StreamKey, str]:
        """The id of the last entry of each stream that has one."""
        found = self._reader.newest_of(streams, 1)
        return {stream: stored[0].stream_id for stream, stored in found.items() if stored}

    def unended(self, camera: str) -> OpenEvents:
        """The events of a camera that were told of and have not ended, by their stream."""
        stored = self._reader.newest(StreamKey(Kind.EVENTS, camera), self._kept)
        found: dict[str, EventMessage] = {}
        for _, payload in stored:
            try:
                message = decode_event(payload)
            except PublishError:
                continue
            if message.camera != camera:
                continue
            found.pop(message.id, None)
            if message.type != EventType.END:
                found[message.id] = message
        return OpenEvents(stored[-1].stream_id if stored else None, found)

    def read(
        self, after: Mapping[StreamKey, str], timeout_s: float
    ) -> dict[StreamKey, list[StoredMessage]]:
        """As :meth:`StreamReader.read`."""
        return self._reader.read(after, timeout_s)

    def write(self, all_written: Sequence[EventWrite]) -> set[str]:
        """Put messages on stream and channel and keep the states, in one round trip per server.

        A message that is on its stream already is neither added nor published a second time.

        Returns:
            The cameras for which that was done; of the others another worker has taken over.
        """
        exchange = self._link.exchange()
        publish = "SPUBLISH" if self._link.is_cluster else "PUBLISH"
        for camera, messages, state in all_written:
            keys = [lease_key(camera), str(StreamKey(Kind.EVENTS, camera)), state_key(camera)]
            flat = [part for message in messages for part in message]
            self._call(
                exchange,
                COMMIT,
                keys,
                self._worker,
                LEASE_MS,
                self._kept,
                state,
                _STATE_S,
                publish,
                *flat,
            )
        return self._granted([written.camera for written in all_written], exchange)

    def _live(self, lease_ms: int) -> int:
        exchange = self._link.exchange()
        self._call(exchange, LIVE, [WORKERS], self._worker, lease_ms)
        return cast("int", exchange.checked()[0])

    def _call(
        self, exchange: Exchange, script: str, keys: list[str], *args: str | bytes | int
    ) -> None:
        exchange.at(keys[0]).evalsha(self._sha[script], len(keys), *keys, *args)

    @staticmethod
    def _granted(cameras: Sequence[str], exchange: Exchange) -> set[str]:
        replies = _without_other_types(exchange)
        return {camera for camera, is_done in zip(cameras, replies, strict=True) if is_done}


def _without_other_types(exchange: Exchange) -> list[object]:
    """The replies, None for a camera with a key of another type; any other error is raised."""
    replies: list[object] = []
    for reply in exchange.execute():
        if not isinstance(reply, redis.RedisError):
            replies.append(reply)
        elif is_of_another_type(reply):
            replies.append(None)
        else:
            raise reply
    return replies
