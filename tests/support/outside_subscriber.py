"""A subscriber that shares no code with the program: plain redis-py on the live channels."""

from __future__ import annotations

import threading
from collections import defaultdict
from types import TracebackType
from typing import Self

import redis
from redis.client import PubSub

from tests.support.redis_server import RedisServer

_LOOK_S = 0.2
_PATTERN = "vision:detections:{*}"


class OutsideSubscriber:
    """Keeps every payload of the detection channels by camera, over any number of outages."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self.payloads: dict[str, list[bytes]] = defaultdict(list)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                with self._server.client() as client, PubSub(client.connection_pool) as channels:
                    channels.psubscribe(_PATTERN)
                    self._take(channels)
            except (redis.RedisError, OSError):
                self._stop.wait(_LOOK_S)

    def _take(self, channels: PubSub) -> None:
        while not self._stop.is_set():
            message = channels.get_message(ignore_subscribe_messages=True, timeout=_LOOK_S)
            if message:
                camera = message["channel"].decode().partition("{")[2].rstrip("}")
                self.payloads[camera].append(message["data"])
