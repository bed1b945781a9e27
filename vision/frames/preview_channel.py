"""Pictures for a page in another process, published while somebody looks (docs/adr/0021).

A channel for each camera, ``vision:picture:{CAMERA}``. Its subscribers are how the sender knows
that somebody looks: with none, nothing is encoded and nothing sent, and no key is written ever.
"""

from __future__ import annotations

import logging
import struct
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from typing import NamedTuple

import redis
from redis.client import PubSub

from vision.config.core import RedisSettings
from vision.domain.errors import ConfigError
from vision.redis.client import address_of
from vision.redis.connector import ASK_PERIOD_S, open_primary
from vision.redis.errors import explain
from vision.redis.reconnector import Reconnector
from vision.resilience.log_throttle import LogThrottle

_log = logging.getLogger(__name__)
_PREFIX = struct.Struct("!4sI")
_MAGIC = b"VPC1"
_LOG_PERIOD_S = 60.0
# How soon a change of what is wanted is seen.
_LOOK_S = 0.2
_LOOKS_PER_PING = round(ASK_PERIOD_S / _LOOK_S)


class Preview(NamedTuple):
    """A picture as it travels.

    Attributes:
        message: The message that describes it, as subscribers of detections get it.
        jpeg: The picture that was inferred.
    """

    message: bytes
    jpeg: bytes


def channel_of(camera: str) -> str:
    """Where a camera's pictures are published."""
    return f"vision:picture:{{{camera}}}"


def pack_preview(picture: Preview) -> bytes:
    """Four bytes ``VPC1``, the message's length (unsigned, 32 bit), the message, the JPEG."""
    return b"".join((_PREFIX.pack(_MAGIC, len(picture.message)), *picture))


def unpack_preview(payload: bytes) -> Preview | None:
    """The inverse of :func:`pack_preview`; None for bytes that are no picture."""
    if len(payload) < _PREFIX.size:
        return None
    magic, length = _PREFIX.unpack_from(payload)
    end = _PREFIX.size + length
    if magic != _MAGIC or len(payload) <= end:
        return None
    return Preview(payload[_PREFIX.size : end], payload[end:])


class PreviewSender:
    """Publishes pictures; used by one thread. What cannot be sent is lost, and nobody waits."""

    def __init__(self, settings: RedisSettings, password: Callable[[], str | None]) -> None:
        self._settings = settings
        self._password = password
        self._client: redis.Redis | None = None
        self._damper = LogThrottle(_LOG_PERIOD_S)

    def watched(self, cameras: Collection[str]) -> frozenset[str]:
        """Those of ``cameras`` that somebody looks at; connects if need be."""
        if not cameras:
            return frozenset()
        try:
            if self._client is None:
                # The password is read anew each time, so that a rotation needs no restart.
                self._client = open_primary(self._settings, self._password())
            counts = self._client.pubsub_numsub(*map(channel_of, cameras))
        except (redis.RedisError, ConfigError, OSError) as error:
            self._lose(error)
            return frozenset()
        # The reply has the order of the question.
        return frozenset(
            camera for camera, (_, count) in zip(cameras, counts, strict=True) if count
        )

    def send(self, camera: str, picture: Preview) -> bool:
        """Publish a picture; False when it was lost."""
        if self._client is None:
            return False
        try:
            self._client.publish(channel_of(camera), pack_preview(picture))
        except (redis.RedisError, OSError) as error:
            self._lose(error)
            return False
        return True

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _lose(self, error: Exception) -> None:
        self.close()
        reason = explain(error)
        if self._damper.admit(reason):
            address = address_of(self._settings)
            _log.warning("pictures.redis_away address=%s reason=%s", address, reason)


class PreviewReceiver:
    """Takes the pictures that are wanted; used by one thread, but for :attr:`connected`."""

    def __init__(self, settings: RedisSettings, password: Callable[[], str | None]) -> None:
        """Prepare to connect.

        Raises:
            ConfigError: ``redis.url`` has an option that does not exist.
        """
        self._redis = Reconnector(settings, password, _log, "pictures")

    @property
    def connected(self) -> bool:
        """Whether Redis answered last time, a second ago at most."""
        return self._redis.connected

    @property
    def problem(self) -> str | None:
        """Why Redis did not answer last time, in words; None while it does."""
        return self._redis.problem

    def pictures(
        self, stop: threading.Event, wanted: Callable[[], Collection[str]]
    ) -> Iterator[Preview]:
        """Pictures as they come; ``wanted`` names the cameras and is asked again and again.

        Ends when ``stop`` is set. Lost connections are waited for.
        """
        while not stop.is_set():
            with self._redis.retrying(stop):
                yield from self._connection(stop, wanted)
        self._redis.connected = False

    def _connection(
        self, stop: threading.Event, wanted: Callable[[], Collection[str]]
    ) -> Iterator[Preview]:
        with (
            closing(self._redis.open()) as asking,
            closing(self._redis.open()) as listening,
            PubSub(listening.nodes[0].connection_pool, ignore_subscribe_messages=True) as pubsub,
        ):
            heard: frozenset[str] = frozenset()
            looks = 0
            while not stop.is_set():
                if looks % _LOOKS_PER_PING == 0:
                    asking.ping()
                    self._redis.answered(asking)
                looks += 1
                heard = _follow(pubsub, heard, frozenset(map(channel_of, wanted())))
                if not heard:
                    stop.wait(_LOOK_S)
                    continue
                reply = pubsub.get_message(timeout=_LOOK_S)
                while reply is not None and not stop.is_set():
                    if picture := unpack_preview(reply["data"]):
                        yield picture
                    reply = pubsub.get_message(timeout=0)


def _follow(pubsub: PubSub, heard: frozenset[str], wanted: frozenset[str]) -> frozenset[str]:
    if gone := heard - wanted:
        pubsub.unsubscribe(*gone)  # type: ignore[no-untyped-call]  # redis-py leaves it unannotated
    if new := wanted - heard:
        pubsub.subscribe(*new)
    return wanted
