"""Connections to wherever messages go: one server, a Sentinel's primary, a cluster's primaries.

A link is as its connections are: once one of them is lost it is spent, and whoever used it
opens another and looks at what the loss may have cost (docs/adr/0013).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import redis
from redis.client import Pipeline
from redis.crc import key_slot

from vision.redis.errors import NoPrimaryError, code_of


def ping(node: redis.Redis) -> None:
    """Ask a server for an answer; that this user may not ask is one.

    Raises:
        redis.RedisError: There is none, or it does no work now.
    """
    try:
        node.ping()
    except redis.ResponseError as error:
        if code_of(error) not in {"NOPERM", "ERR"}:
            raise


class SlotRange(NamedTuple):
    """Slots of a cluster, from ``first`` on up to the next range, and who has them."""

    first: int
    last: int
    node: redis.Redis


class RedisLink:
    """Connected clients, and which of them has a key; used by one thread."""

    def __init__(self, ranges: Sequence[SlotRange], address: str, *, is_cluster: bool) -> None:
        """``ranges`` in ascending order; one of all slots where there is no cluster."""
        self._ranges = ranges
        self._firsts = [part.first for part in ranges]
        self.address = address
        self.is_cluster = is_cluster

    @property
    def nodes(self) -> tuple[redis.Redis, ...]:
        """Every client once."""
        return tuple({id(part.node): part.node for part in self._ranges}.values())

    def node_of(self, key: str) -> redis.Redis:
        """The client for a key or a channel.

        Raises:
            redis.ConnectionError: No node of the cluster has it now.
        """
        if not self.is_cluster:
            return self._ranges[0].node
        slot = key_slot(key.encode())
        part = self._ranges[bisect_right(self._firsts, slot) - 1]
        if not part.first <= slot <= part.last:
            raise NoPrimaryError("no node of its cluster has the keys of a camera")
        return part.node

    def exchange(self) -> Exchange:
        """A new, empty exchange."""
        return Exchange(self)

    def ping(self) -> None:
        """Ask every server for an answer; :class:`redis.RedisError` where there is none."""
        for node in self.nodes:
            ping(node)

    def close(self) -> None:
        """Close all connections."""
        for node in self.nodes:
            node.close()


class Exchange:
    """Commands that travel together, one round trip per server; without transaction."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._pipes: dict[int, Pipeline] = {}
        self._order: list[int] = []

    def at(self, key: str) -> Pipeline:
        """Where one command on ``key`` is to be added to."""
        node = self._link.node_of(key)
        self._order.append(id(node))
        if id(node) not in self._pipes:
            self._pipes[id(node)] = node.pipeline(transaction=False)
        return self._pipes[id(node)]

    def execute(self) -> list[object]:
        """The replies in the order of the commands, an error of Redis among them as a value.

        Raises:
            redis.RedisError: A server did not answer; the others may have.
        """
        replies = {
            name: iter(pipe.execute(raise_on_error=False)) for name, pipe in self._pipes.items()
        }
        return [next(replies[name]) for name in self._order]

    def checked(self) -> list[object]:
        """As :meth:`execute`; the first error among the replies is raised."""
        replies = self.execute()
        for reply in replies:
            if isinstance(reply, redis.RedisError):
                raise reply
        return replies
