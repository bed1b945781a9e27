"""Reads messages from streams."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias, cast

import redis

from vision.frames.redis_errors import is_of_another_type
from vision.frames.redis_link import RedisLink
from vision.publishing.keys import MESSAGE_FIELD, Kind, StreamKey, parse_stream_key

_PAGE = 1_000
_READ = 200
# A cluster cannot wait for streams in several slots at once.
_POLL_S = 0.1
# What redis-py gives without decode_responses; its annotation allows for more.
_Entries: TypeAlias = list[tuple[bytes, dict[bytes, bytes]]]


class StoredMessage(NamedTuple):
    """An entry's id and the bytes of its message; empty when it has none."""

    stream_id: str
    payload: bytes


class StreamState(NamedTuple):
    """What Redis knows of a stream; ``added`` are all entries it ever got, None before Redis 7."""

    newest_id: str
    length: int
    added: int | None


class StreamReader:
    """The streams of one Redis or cluster."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

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
        """What there is to know of each, None of one that is not there.

        A stream whose name somebody else took for something else is left out.
        """
        wanted, exchange = list(streams), self._link.exchange()
        for stream in wanted:
            exchange.at(str(stream)).xinfo_stream(str(stream))
        found: dict[StreamKey, StreamState | None] = {}
        for stream, reply in zip(wanted, exchange.execute(), strict=True):
            if not isinstance(reply, redis.RedisError):
                about = cast("dict[str, Any]", reply)
                newest_id = about["last-generated-id"].decode()
                found[stream] = StreamState(newest_id, about["length"], about.get("entries-added"))
            elif "no such key" in str(reply):
                found[stream] = None
            elif not is_of_another_type(reply):
                raise reply
        return found

    def newest(self, stream: StreamKey, count: int) -> list[StoredMessage]:
        """The last ``count`` entries, oldest first."""
        name = str(stream)
        reply = cast("_Entries", self._link.node_of(name).xrevrange(name, count=count))
        return _stored(reversed(reply))

    def between(
        self, stream: StreamKey, after: str, before: str | None = None
    ) -> Iterator[StoredMessage]:
        """The entries after the id ``after``, up to but without the id ``before``."""
        name, end = str(stream), "+" if before is None else f"({before}"
        node = self._link.node_of(name)
        while reply := cast("_Entries", node.xrange(name, f"({after}", end, count=_PAGE)):
            yield from _stored(reply)
            after = reply[-1][0].decode()

    def read(
        self, after: Mapping[StreamKey, str], timeout_s: float
    ) -> dict[StreamKey, list[StoredMessage]]:
        """What streams have after the ids given, waiting up to ``timeout_s`` for any."""
        names: dict[Any, Any] = {str(stream): last for stream, last in after.items()}
        if self._link.is_cluster:
            exchange = self._link.exchange()
            for name, last in names.items():
                exchange.at(name).xread({name: last}, count=_READ)
            replies = [
                stream for reply in exchange.checked() for stream in cast("Any", reply or ())
            ]
            if not replies:
                time.sleep(min(timeout_s, _POLL_S))
        else:
            block_ms = max(1, int(timeout_s * 1000))
            replies = cast("Any", self._link.nodes[0].xread(names, count=_READ, block=block_ms))
        return {
            key: _stored(entries)
            for name, entries in replies or ()
            if (key := parse_stream_key(name.decode())) is not None
        }


def _stored(entries: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> list[StoredMessage]:
    field = MESSAGE_FIELD.encode()
    return [StoredMessage(entry.decode(), fields.get(field, b"")) for entry, fields in entries]
