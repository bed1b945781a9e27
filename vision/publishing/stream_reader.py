"""Reads messages from streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

import redis

from vision.publishing.keys import MESSAGE_FIELD, Kind, StreamKey, parse_stream_key

_PAGE = 1_000
# What redis-py gives for XRANGE without decode_responses; its annotation allows for more.
_Reply = list[tuple[bytes, dict[bytes, bytes]]]


class StoredMessage(NamedTuple):
    """An entry's id and the bytes of its message; empty when it has none."""

    stream_id: str
    payload: bytes


class StreamReader:
    """The streams of one Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def streams(self, kind: Kind) -> list[StreamKey]:
        """Those of all cameras that exist now, by name."""
        names = self._client.scan_iter(match=kind.pattern, count=_PAGE)
        return sorted({key for name in names if (key := parse_stream_key(name.decode()))})

    def newest(self, stream: StreamKey, count: int) -> list[StoredMessage]:
        """The last ``count`` entries, oldest first."""
        reply = cast("_Reply", self._client.xrevrange(str(stream), count=count))
        return list(_stored(reversed(reply)))

    def between(
        self, stream: StreamKey, after: str, before: str | None = None
    ) -> Iterator[StoredMessage]:
        """The entries after the id ``after``, up to but without the id ``before``."""
        end = "+" if before is None else f"({before}"
        while reply := cast(
            "_Reply", self._client.xrange(str(stream), f"({after}", end, count=_PAGE)
        ):
            yield from _stored(reply)
            after = reply[-1][0].decode()


def _stored(reply: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> Iterator[StoredMessage]:
    for stream_id, fields in reply:
        yield StoredMessage(stream_id.decode(), fields.get(MESSAGE_FIELD.encode(), b""))
