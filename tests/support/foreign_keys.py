"""Keys of ours under which somebody keeps something else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis


def put_list(client: redis.Redis, key: str) -> None:
    """A list."""
    client.lpush(key, "somebody else's")


def put_hash(client: redis.Redis, key: str) -> None:
    """A hash."""
    client.hset(key, "somebody", "else")


def put_set(client: redis.Redis, key: str) -> None:
    """A set."""
    client.sadd(key, "somebody else's")


def put_string(client: redis.Redis, key: str) -> None:
    """A string of JSON."""
    client.set(key, '{"somebody": "else"}')


OCCUPANTS: tuple[Callable[[redis.Redis, str], None], ...] = (
    put_list,
    put_hash,
    put_set,
    put_string,
)
each_occupant = pytest.mark.parametrize("occupy", OCCUPANTS, ids=lambda put: put.__name__)
