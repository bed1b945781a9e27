"""The live channels of a Redis: subscribed by pattern, in a cluster one by one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import redis
from redis.client import PubSub

from vision.publishing.keys import Kind, StreamKey, parse_stream_key
from vision.redis.link import RedisLink

# How long one of several servers is listened to before the next one is.
_TURN_S = 0.02


@dataclass(slots=True)
class _ListenerConnection:
    """A connection that only listens."""

    pubsub: PubSub
    heard_s: float = field(default_factory=time.monotonic)
    asked_s: float | None = None


class LiveChannels:
    """Messages as they are published, over connections of its own; used by one thread."""

    def __init__(self, link: RedisLink, quiet_s: float, answer_s: float) -> None:
        """Listen over ``link``, which nobody else uses and which is closed with this.

        A server that says nothing for ``quiet_s`` is asked, and given up ``answer_s`` later:
        a connection that broke silently never fails, it only stays quiet.
        """
        self._link = link
        self._quiet_s = quiet_s
        self._answer_s = answer_s
        self._ears: dict[int, _ListenerConnection] = {}
        self._early: list[tuple[StreamKey, bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for ear in self._ears.values():
            ear.pubsub.close()
        self._link.close()

    @property
    def has_patterns(self) -> bool:
        """Whether all cameras can be heard without knowing their names; not in a cluster."""
        return not self._link.is_cluster

    def subscribe_all(self, kind: Kind) -> None:
        """Hear every camera, those that come later as well; waits for the confirmation."""
        ear = self._ear_of(kind.pattern)
        ear.pubsub.psubscribe(kind.pattern)
        self._confirm(ear, 1)

    def subscribe(self, streams: Iterable[StreamKey]) -> None:
        """Hear these cameras too; waits for the confirmation."""
        for stream in streams:
            ear = self._ear_of(str(stream))
            if self._link.is_cluster:
                # One by one: a command may not name channels of several slots.
                ear.pubsub.ssubscribe(str(stream))
            else:
                ear.pubsub.subscribe(str(stream))
            self._confirm(ear, 1)

    def listen(self, timeout_s: float) -> Iterator[tuple[StreamKey, bytes]]:
        """What came, waiting up to about ``timeout_s`` for the first if any channel is known.

        Raises:
            redis.RedisError: A connection is lost.
        """
        early, self._early = self._early, []
        yield from early
        if not self._ears:
            return
        deadline_s = time.monotonic() + timeout_s
        turn_s = timeout_s if len(self._ears) == 1 else _TURN_S
        while True:
            heard = [message for ear in self._ears.values() for message in self._hear(ear, turn_s)]
            yield from heard
            if heard or time.monotonic() >= deadline_s:
                return

    def _ear_of(self, channel: str) -> _ListenerConnection:
        node = self._link.node_of(channel)
        if id(node) not in self._ears:
            self._ears[id(node)] = _ListenerConnection(PubSub(node.connection_pool))
        return self._ears[id(node)]

    def _confirm(self, ear: _ListenerConnection, subscriptions: int) -> None:
        while subscriptions:
            reply = ear.pubsub.get_message(timeout=self._answer_s)
            if reply is None:
                raise redis.TimeoutError("no confirmation of the subscription")
            if reply["type"] in ("subscribe", "psubscribe", "ssubscribe"):
                subscriptions -= 1
            else:
                self._early.extend(_live(reply))

    def _hear(
        self, ear: _ListenerConnection, timeout_s: float
    ) -> Iterator[tuple[StreamKey, bytes]]:
        reply = ear.pubsub.get_message(timeout=timeout_s)
        now_s = time.monotonic()
        if reply is not None:
            if reply["type"] == "sunsubscribe":
                raise redis.ConnectionError("the channel moved to another node")
            ear.heard_s, ear.asked_s = now_s, None
            yield from _live(reply)
        elif ear.asked_s is None:
            # Asked before it is given up, also where this process stood still for longer than both.
            if now_s - ear.heard_s > self._quiet_s:
                ear.pubsub.ping()
                ear.asked_s = now_s
        elif now_s - ear.asked_s > self._answer_s:
            raise redis.TimeoutError("no answer to a PING")


def _live(reply: dict[str, bytes | str]) -> Iterator[tuple[StreamKey, bytes]]:
    """Stream and bytes of a live message; nothing for other replies."""
    channel, payload = reply["channel"], reply["data"]
    if reply["type"] not in ("message", "pmessage", "smessage") or not isinstance(channel, bytes):
        return
    stream = parse_stream_key(channel.decode(errors="replace"))
    if stream is not None and isinstance(payload, bytes):
        yield stream, payload
