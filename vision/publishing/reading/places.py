"""Where it stands how far a follower has come."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol, Self, cast

from vision.frames.redis_link import RedisLink
from vision.publishing.keys import narrated_key, position_key
from vision.publishing.reading.cursor import BEFORE_THE_FIRST

_PLACE = re.compile(r"(\d{1,20}-\d{1,20})(?: (\d+))?")
# No camera can be called so: the follower of this hash was here before.
_KNOWN = "."


class Place(NamedTuple):
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


class Places(Protocol):
    """One follower's places, by camera."""

    def load(self, link: RedisLink, cameras: Iterable[str]) -> dict[str, Place]:
        """Those of ``cameras``; who is left out is to be begun with what comes now."""

    def store(self, link: RedisLink, places: Mapping[str, Place]) -> None:
        """Remember ``places``, perhaps none; those of other cameras stay."""


class BridgePlaces:
    """In one hash; once there is one, all of a camera that it does not know is new."""

    def __init__(self, name: str) -> None:
        self._key = position_key(name)

    def load(self, link: RedisLink, cameras: Iterable[str]) -> dict[str, Place]:
        """As :class:`Places` says."""
        stored = cast("dict[bytes, bytes]", link.node_of(self._key).hgetall(self._key))
        if not stored:
            return {}
        return {camera: Place.parse(stored.get(camera.encode())) or Place() for camera in cameras}

    def store(self, link: RedisLink, places: Mapping[str, Place]) -> None:
        """As :class:`Places` says."""
        texts: dict[Any, Any] = {camera: str(place) for camera, place in places.items()}
        link.node_of(self._key).hset(self._key, mapping={_KNOWN: "", **texts})


class NarratorPlaces:
    """In a string for each camera, beside its sentences; without the number."""

    def load(self, link: RedisLink, cameras: Iterable[str]) -> dict[str, Place]:
        """As :class:`Places` says."""
        exchange, names = link.exchange(), list(cameras)
        for camera in names:
            exchange.at(narrated_key(camera)).get(narrated_key(camera))
        texts = cast("list[bytes | None]", exchange.checked())
        places = zip(names, map(Place.parse, texts), strict=True)
        return {camera: place for camera, place in places if place is not None}

    def store(self, link: RedisLink, places: Mapping[str, Place]) -> None:
        """As :class:`Places` says."""
        exchange = link.exchange()
        for camera, place in places.items():
            exchange.at(narrated_key(camera)).set(narrated_key(camera), place.stream_id)
        exchange.checked()
