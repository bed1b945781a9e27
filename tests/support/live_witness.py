"""A subscriber that knows nothing of the program: all that is said live, as it came."""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import redis
from redis.client import PubSub

from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE_S

_POLL_S = 0.2


class LiveWitness:
    """Hears the live detections of all cameras, over losses of Redis too.

    Attributes:
        heard: The payloads by camera, in order.
    """

    def __init__(self, server: RedisServer) -> None:
        self.heard: dict[str, list[bytes]] = defaultdict(list)
        self._server = server
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(PATIENCE_S)

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                with self._server.client() as client:
                    channel = PubSub(client.connection_pool, ignore_subscribe_messages=True)
                    channel.psubscribe("vision:detections:{*}")
                    while not self._ended.is_set():
                        message = channel.get_message(timeout=_POLL_S)
                        if message:
                            camera = message["channel"].decode().partition("{")[2].rstrip("}")
                            self.heard[camera].append(message["data"])
            except redis.RedisError:
                self._ended.wait(_POLL_S)


def complaint(heard: Sequence[bytes], on_stream: Sequence[bytes]) -> str:
    """What is wrong with what was heard: it must be on the stream, in that order, once."""
    places: Mapping[bytes, int] = {payload: place for place, payload in enumerate(on_stream)}
    at = [places.get(payload, -1) for payload in heard]
    if strangers := at.count(-1):
        return f"{strangers} live messages are not on the stream"
    wrong = sum(before >= after for before, after in itertools.pairwise(at))
    return f"{wrong} live messages come twice or late" if wrong else ""
