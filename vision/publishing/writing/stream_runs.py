"""Which run a camera's stream ended with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TypeAlias, cast

import redis

from vision.config.core import RedisSettings
from vision.domain.errors import ConfigError
from vision.publishing.keys import Kind, StreamKey
from vision.redis.client import address_of
from vision.redis.connector import RedisConnector
from vision.redis.errors import explain

_log = logging.getLogger(__name__)
_Reply: TypeAlias = list[tuple[bytes, dict[bytes, bytes]]]


def newest_stream_runs(
    settings: RedisSettings, password: Callable[[], str | None], cameras: Iterable[str]
) -> dict[str, int]:
    """The run in the id of each camera's newest detections, for those that have any.

    Best effort: empty when Redis is away, which is logged.
    """
    names = list(cameras)
    try:
        with closing(RedisConnector(settings, password).open()) as link:
            exchange = link.exchange()
            for camera in names:
                key = str(StreamKey(Kind.DETECTIONS, camera))
                exchange.at(key).xrevrange(key, count=1)
            replies = cast("list[_Reply | redis.ResponseError]", exchange.execute())
    except (redis.RedisError, ConfigError) as error:
        _log.warning(
            "publish.runs_unknown address=%s reason=%s", address_of(settings), explain(error)
        )
        return {}
    # A refused command and a stream that does not exist tell nothing of a run.
    return {
        camera: int(reply[0][0].partition(b"-")[0])
        for camera, reply in zip(names, replies, strict=True)
        if reply and not isinstance(reply, redis.ResponseError)
    }
