"""One look at Redis, for people who set it up."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

import redis

from vision.config.core import RedisSettings
from vision.domain.errors import PublishError
from vision.redis.client import address_of
from vision.redis.connector import RedisConnector
from vision.redis.errors import explain


def probe_redis(settings: RedisSettings, password: Callable[[], str | None]) -> str:
    """Version and answering time of the server, in words.

    Raises:
        PublishError: It cannot be reached, or does not take writes; one line.
        ConfigError: The secret file of its password is not in order.
    """
    connector = RedisConnector(settings, password)
    try:
        with closing(connector.open()) as link:
            started_s = time.monotonic()
            link.ping()
            answer_ms = (time.monotonic() - started_s) * 1000 / len(link.nodes)
            version = _version(link.nodes[0])
            where = f" at {link.address}" if link.address else ""
    except (redis.RedisError, OSError) as error:
        problem = f": {explain(error)}"
    else:
        return f"{address_of(settings)}{where}, {version}, answers in {answer_ms:.1f} ms"
    raise PublishError(f"{address_of(settings)}{problem}")


def _version(node: redis.Redis) -> str:
    """What the server is, as far as this user may know: nothing else depends on it."""
    try:
        found = node.info("server").get("redis_version")
    except redis.ResponseError:
        found = None
    return f"version {found}" if found else "version unknown"
