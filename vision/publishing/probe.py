"""One look at Redis, for people who set it up."""

from __future__ import annotations

import time
from collections.abc import Callable

import redis

from vision.config.topics import RedisSettings
from vision.domain.errors import PublishError
from vision.frames.redis_client import address_of, explain, open_client


def probe_redis(settings: RedisSettings, password: Callable[[], str | None]) -> str:
    """Version and answering time of the server, in words.

    Raises:
        PublishError: It cannot be reached, or does not take writes; one line.
        ConfigError: The secret file of its password is not in order.
    """
    try:
        with open_client(settings, password()) as client:
            client.ping()
            started_s = time.monotonic()
            client.ping()
            answer_ms = (time.monotonic() - started_s) * 1000
            version = client.info("server").get("redis_version", "of unknown version")
            role = client.info("replication").get("role", "master")
    except (redis.RedisError, OSError) as error:
        problem = explain(error)
    else:
        if role != "master":
            raise PublishError(f"{address_of(settings)} is a read-only replica: name the primary")
        return f"{address_of(settings)}, version {version}, answers in {answer_ms:.1f} ms"
    raise PublishError(f"{address_of(settings)}: {problem}")
