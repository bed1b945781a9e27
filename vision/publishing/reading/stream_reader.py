"""Reads messages from streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

from vision.frames.redis_link import RedisLink
from vision.publishing.keys import MESSAGE_FIELD, Kind, StreamKey, parse_stream_key

_PAGE = 1_000
# What redis-py gives for XRANGE without decode_responses; its annotation allows for more.
_Reply = list[tuple[bytes, dict[bytes, bytes]]]


class StoredMessage(NamedTuple):
    """An entry's id and the bytes of its message; empty when it has none."""

    stream_id: str
    payload: bytes


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

    def newest(self, stream: StreamKey, count: int) -> list[StoredMessage]:
        """The last ``count`` entries, oldest first."""
        name = str(stream)
        reply = cast("_Reply", self._link.node_of(name).xrevrange(name, count=count))
        return list(_stored(reversed(reply)))

    def between(
        self, stream: StreamKey, after: str, before: str | None = None
    ) -> Iterator[StoredMessage]:
        """The entries after the id ``after``, up to but without the id ``before``."""
        name, end = str(stream), "+" if before is None else f"({before}"
        node = self._link.node_of(name)
        while reply := cast("_Reply", node.xrange(name, f"({after}", end, count=_PAGE)):
            yield from _stored(reply)
            after = reply[-1][0].decode()


def _stored(reply: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> Iterator[StoredMessage]:
    for stream_id, fields in reply:
        yield StoredMessage(stream_id.decode(), fields.get(MESSAGE_FIELD.encode(), b""))
