"""Which run a camera's stream ended with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

import redis

from vision.config.topics import RedisSettings
from vision.domain.errors import ConfigError
from vision.frames.redis_client import address_of, explain, open_client
from vision.publishing.keys import Kind, StreamKey

_log = logging.getLogger(__name__)


def newest_stream_runs(
    settings: RedisSettings, password: Callable[[], str | None], cameras: Iterable[str]
) -> dict[str, int]:
    """The run in the id of each camera's newest detections, for those that have any.

    Best effort: empty when Redis is away, which is logged.
    """
    names = list(cameras)
    try:
        with open_client(settings, password()) as client:
            pipe = client.pipeline(transaction=False)
            for camera in names:
                pipe.xrevrange(str(StreamKey(Kind.DETECTIONS, camera)), count=1)
            replies = pipe.execute(raise_on_error=False)
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
