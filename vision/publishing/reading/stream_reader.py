"""Reads messages from streams; one whose name somebody took for something else is left out."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias, cast

import redis

from vision.publishing.keys import MESSAGE_FIELD, Kind, StreamKey, parse_stream_key
from vision.redis.errors import is_of_another_type
from vision.redis.link import RedisLink
from vision.redis.skipped_keys import SkippedKeys

_PAGE = 1_000
_READ = 200
# A cluster cannot wait for streams in several slots at once.
_POLL_S = 0.1
_log = logging.getLogger(__name__)
# What redis-py gives without decode_responses; its annotation allows for more.
_Entries: TypeAlias = list[tuple[bytes, dict[bytes, bytes]]]
_Reply: TypeAlias = list[tuple[bytes, _Entries]]


class StoredMessage(NamedTuple):
    """An entry's id and the bytes of its message; empty when it has none."""

    stream_id: str
    payload: bytes


class StreamState(NamedTuple):
    """What Redis knows of a stream; ``added`` are all entries it ever got, None before Redis 7."""

    newest_id: str
    length: int
    added: int | None


def is_before(one: str, other: str) -> bool:
    """Whether the id of an entry comes before another one."""
    return _numbers(one) < _numbers(other)


def _numbers(stream_id: str) -> tuple[int, int]:
    milliseconds, _, number = stream_id.partition("-")
    return int(milliseconds), int(number)


class StreamReader:
    """The streams of one Redis or cluster."""

    def __init__(self, link: RedisLink, left_out: SkippedKeys | None = None) -> None:
        """``left_out`` knows, from one connection to the next, which streams to go on without."""
        self._link = link
        self._left_out = left_out or SkippedKeys(_log, "read")

    def streams(self, kind: Kind) -> list[StreamKey]:
        """Those of all cameras that exist now, by name."""
        names = (
            name
            for node in self._link.nodes
            for name in node.scan_iter(match=kind.pattern, count=_PAGE)
        )
        return sorted(
            {key for name in names if (key := parse_stream_key(name.decode(errors="replace")))}
        )

    def states(self, streams: Iterable[StreamKey]) -> dict[StreamKey, StreamState | None]:
        """What there is to know of each, None of one that is not there."""
        wanted, exchange = list(streams), self._link.exchange()
        for stream in wanted:
            exchange.at(str(stream)).xinfo_stream(str(stream))
        found: dict[StreamKey, StreamState | None] = {}
        for stream, reply in zip(wanted, exchange.execute(), strict=True):
            if isinstance(reply, redis.RedisError) and "no such key" in str(reply):
                self._left_out.clear(stream)
                found[stream] = None
            elif self._left_out.admits(stream, reply):
                about = cast("dict[str, Any]", reply)
                newest_id = about["last-generated-id"].decode()
                found[stream] = StreamState(newest_id, about["length"], about.get("entries-added"))
        return found

    def newest(self, stream: StreamKey, count: int) -> list[StoredMessage]:
        """The last ``count`` entries, oldest first."""
        return self.newest_of([stream], count).get(stream, [])

    def newest_of(
        self, streams: Iterable[StreamKey], count: int
    ) -> dict[StreamKey, list[StoredMessage]]:
        """The last ``count`` entries of each, oldest first, in one round trip per server."""
        wanted, exchange = list(streams), self._link.exchange()
        for stream in wanted:
            exchange.at(str(stream)).xrevrange(str(stream), count=count)
        found = {}
        for stream, reply in zip(wanted, exchange.execute(), strict=True):
            if self._left_out.admits(stream, reply):
                found[stream] = _stored(reversed(cast("_Entries", reply)))
        return found

    def between(
        self, stream: StreamKey, after: str, before: str | None = None
    ) -> Iterator[StoredMessage]:
        """The entries after the id ``after``, up to but without the id ``before``."""
        name, end = str(stream), "+" if before is None else f"({before}"
        node = self._link.node_of(name)
        while True:
            try:
                reply = cast("_Entries", node.xrange(name, f"({after}", end, count=_PAGE))
            except redis.ResponseError as error:
                self._left_out.admits(stream, error)
                return
            if not reply:
                return
            yield from _stored(reply)
            after = reply[-1][0].decode()

    def read(
        self, after: Mapping[StreamKey, str], timeout_s: float
    ) -> dict[StreamKey, list[StoredMessage]]:
        """What streams have after the ids given, waiting up to ``timeout_s`` for any."""
        sound = {stream: last for stream, last in after.items() if stream not in self._left_out}
        due = {stream: last for stream, last in after.items() if self._left_out.is_due(stream)}
        if self._link.is_cluster:
            found = self._read_each(sound | due)
            wait_s = min(timeout_s, _POLL_S)
        else:
            found = self._read_each(due)
            found |= self._read_all(sound, 0.0 if found else timeout_s)
            wait_s = 0.0 if sound else timeout_s
        if not found and wait_s:
            time.sleep(wait_s)
        return found

    def _read_all(
        self, after: Mapping[StreamKey, str], timeout_s: float
    ) -> dict[StreamKey, list[StoredMessage]]:
        """With one command, which fails as a whole if one of the streams is none."""
        if not after:
            return {}
        names: dict[Any, Any] = {str(stream): last for stream, last in after.items()}
        block_ms = max(1, int(timeout_s * 1000)) if timeout_s else None
        try:
            reply = self._link.nodes[0].xread(names, count=_READ, block=block_ms)
        except redis.ResponseError as error:
            if not is_of_another_type(error):
                raise
            # One by one: the others are read, and it shows which one it is.
            return self._read_each(after)
        return {
            key: _stored(entries)
            for name, entries in cast("_Reply", reply or ())
            if (key := parse_stream_key(name.decode())) is not None
        }

    def _read_each(self, after: Mapping[StreamKey, str]) -> dict[StreamKey, list[StoredMessage]]:
        """With a command for each, in one round trip per server."""
        if not after:
            return {}
        exchange = self._link.exchange()
        for stream, last in after.items():
            exchange.at(str(stream)).xread({str(stream): last}, count=_READ)
        found = {}
        for stream, reply in zip(after, exchange.execute(), strict=True):
            if self._left_out.admits(stream, reply):
                for _, entries in cast("_Reply", reply or ()):
                    found[stream] = _stored(entries)
        return found


def _stored(entries: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> list[StoredMessage]:
    field = MESSAGE_FIELD.encode()
    return [StoredMessage(entry.decode(), fields.get(field, b"")) for entry, fields in entries]
