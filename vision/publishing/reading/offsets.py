"""Where it stands how far a follower has come."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol, Self, cast

import redis

from vision.publishing.keys import narrated_key, position_key
from vision.publishing.reading.cursor import BEFORE_THE_FIRST
from vision.redis.errors import OtherTypeError, is_of_another_type
from vision.redis.link import RedisLink
from vision.redis.skipped_keys import SkippedKeys

# No id that Redis would refuse, and no number that no stream can have reached.
_PLACE = re.compile(r"([0-9]{1,19}-[0-9]{1,19})(?: ([0-9]{1,18}))?")
# No camera can be called so: the follower of this hash was here before.
_KNOWN = "."


class StreamPosition(NamedTuple):
    """An entry of a camera's stream, and how many the stream had got with it if that is counted."""

    stream_id: str = BEFORE_THE_FIRST
    number: int = 0

    def __str__(self) -> str:
        return f"{self.stream_id} {self.number}"

    @classmethod
    def parse(cls, text: bytes | None) -> Self | None:
        """The inverse of ``str(place)``, with or without the number; None for anything else."""
        found = _PLACE.fullmatch((text or b"").decode(errors="replace"))
        return cls(found[1], int(found[2] or 0)) if found else None


class LoadedOffsets(NamedTuple):
    """What is known of the places of some cameras.

    Attributes:
        places: By camera; one that is not here is to be begun with what comes now.
        unknown: The cameras of which nobody can say it, because the key is of another type.
    """

    places: dict[str, StreamPosition]
    unknown: frozenset[str] = frozenset()


class OffsetStore(Protocol):
    """One follower's places, by camera."""

    def load(self, link: RedisLink, cameras: Iterable[str], left_out: SkippedKeys) -> LoadedOffsets:
        """Those of ``cameras``; a key of another type is noted in ``left_out``."""

    def store(self, link: RedisLink, places: Mapping[str, StreamPosition]) -> None:
        """Remember ``places``, perhaps none; those of other cameras stay."""


class BridgeOffsets:
    """In one hash; once there is one, all of a camera that it does not know is new."""

    def __init__(self, name: str) -> None:
        self._key = position_key(name)

    def load(self, link: RedisLink, cameras: Iterable[str], left_out: SkippedKeys) -> LoadedOffsets:
        """As :class:`OffsetStore` says."""
        del left_out
        try:
            stored = cast("dict[bytes, bytes]", link.node_of(self._key).hgetall(self._key))
        except redis.ResponseError as error:
            raise self._explained(error) from None
        if not stored:
            return LoadedOffsets({})
        return LoadedOffsets(
            {
                camera: StreamPosition.parse(stored.get(camera.encode())) or StreamPosition()
                for camera in cameras
            }
        )

    def store(self, link: RedisLink, places: Mapping[str, StreamPosition]) -> None:
        """As :class:`OffsetStore` says."""
        texts: dict[Any, Any] = {camera: str(place) for camera, place in places.items()}
        try:
            link.node_of(self._key).hset(self._key, mapping={_KNOWN: "", **texts})
        except redis.ResponseError as error:
            raise self._explained(error) from None

    def _explained(self, error: redis.ResponseError) -> redis.ResponseError:
        """All cameras share the key, so nothing can go on without it."""
        return OtherTypeError(self._key) if is_of_another_type(error) else error


class NarratorOffsets:
    """In a string for each camera, beside its sentences; without the number."""

    def load(self, link: RedisLink, cameras: Iterable[str], left_out: SkippedKeys) -> LoadedOffsets:
        """As :class:`OffsetStore` says."""
        exchange, names = link.exchange(), list(cameras)
        for camera in names:
            exchange.at(narrated_key(camera)).get(narrated_key(camera))
        places: dict[str, StreamPosition] = {}
        unknown: set[str] = set()
        for camera, reply in zip(names, exchange.execute(), strict=True):
            if not left_out.admits(narrated_key(camera), reply):
                unknown.add(camera)
                continue
            place = StreamPosition.parse(cast("bytes | None", reply))
            if place is not None:
                places[camera] = place
        return LoadedOffsets(places, frozenset(unknown))

    def store(self, link: RedisLink, places: Mapping[str, StreamPosition]) -> None:
        """As :class:`OffsetStore` says."""
        exchange = link.exchange()
        for camera, place in places.items():
            exchange.at(narrated_key(camera)).set(narrated_key(camera), place.stream_id)
        exchange.checked()
