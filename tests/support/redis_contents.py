"""All that stands on a Redis, as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.redis_server import RedisServer


def redis_contents(server: RedisServer) -> str:
    """All keys with what they hold, a line each."""
    with server.client() as client:
        readers: dict[Any, Callable[[Any], Any]] = {
            b"hash": client.hgetall,
            b"stream": client.xrange,
            b"string": client.get,
            b"list": lambda key: client.lrange(key, 0, -1),
            b"set": client.smembers,
            b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
            # It expired since it was found.
            b"none": lambda _: None,
        }
        return "".join(
            f"{key!r} {readers[client.type(key)](key)!r}\n" for key in client.scan_iter("*")
        )
