"""Which objects are there now, by the messages of their events."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from vision.bridges.topics import ALL
from vision.domain.event import EventMessage, EventType

# Nobody is helped by more; what publishes so many has gone mad.
_MOST_OBJECTS = 500
_MOST_PLACES = 200


class ZoneLabel(NamedTuple):
    """A label in a zone of a camera, anywhere in its picture where ``zone`` is None."""

    zone: str | None
    label: str


class Presence(NamedTuple):
    """Objects in a place, and how many of them move."""

    objects: int = 0
    active: int = 0


class _Object(NamedTuple):
    label: str
    zones: tuple[str, ...]
    is_stationary: bool
    heard_s: float


class PresentObjects:
    """Counts objects; used by one thread."""

    def __init__(self, stale_s: float, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        """An object of which nothing was heard for ``stale_s`` is there no more.

        Events are told of again while they last: silence means that nobody tells.
        """
        self._stale_s = stale_s
        self._monotonic_s = monotonic_s
        self._objects: dict[str, dict[str, _Object]] = {}
        self._places: dict[str, dict[ZoneLabel, Presence]] = {}

    def know(self, camera: str, places: Iterable[ZoneLabel]) -> None:
        """Count nothing in these until something is there."""
        known = self._places.setdefault(camera, {})
        for place in places:
            if len(known) < _MOST_PLACES:
                known.setdefault(place, Presence())

    def forget(self, camera: str, place: ZoneLabel) -> None:
        """Count there no more, until something comes there."""
        self._places.get(camera, {}).pop(place, None)

    def on_event(self, message: EventMessage) -> Mapping[ZoneLabel, Presence]:
        """Take a message; returns the places of its camera in which something changed."""
        objects = self._objects.setdefault(message.camera, {})
        objects.pop(message.id, None)
        if message.type != EventType.END and len(objects) < _MOST_OBJECTS:
            objects[message.id] = _Object(
                message.label, message.zones.current, message.stationary, self._monotonic_s()
            )
        return self._count(message.camera)

    def forget_stale(self) -> Mapping[str, Mapping[ZoneLabel, Presence]]:
        """Let go of what nobody tells of any more; changes by camera."""
        latest_s = self._monotonic_s() - self._stale_s
        changes = {}
        for camera, objects in self._objects.items():
            stale = [name for name, one in objects.items() if one.heard_s < latest_s]
            for name in stale:
                del objects[name]
            if stale:
                changes[camera] = self._count(camera)
        return changes

    def cameras(self) -> list[str]:
        """All that have places."""
        return list(self._places)

    def places(self, camera: str) -> Mapping[ZoneLabel, Presence]:
        """All places of a camera that ever had an object, or were made known."""
        return self._places.get(camera, {})

    def _count(self, camera: str) -> Mapping[ZoneLabel, Presence]:
        counted, active = Counter[ZoneLabel](), Counter[ZoneLabel]()
        for one in self._objects.get(camera, {}).values():
            # A message that names a zone twice means one object all the same.
            for zone in {None, *one.zones}:
                for label in {ALL, one.label}:
                    counted[ZoneLabel(zone, label)] += 1
                    active[ZoneLabel(zone, label)] += not one.is_stationary
        known = self._places.setdefault(camera, {})
        changes = {}
        for place in [*known, *(place for place in counted if place not in known)]:
            presence = Presence(counted[place], active[place])
            if known.get(place) != presence and (place in known or len(known) < _MOST_PLACES):
                known[place] = changes[place] = presence
        return changes
