"""What Home Assistant is told that there is: its MQTT discovery, one message per entity.

After home-assistant.io/integrations/mqtt, binary_sensor.mqtt, sensor.mqtt and event.mqtt; a camera
is a device. Entities and not whole devices are told of, since versions before 2024.11 know only those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

import vision
from vision.bridges.objects import Place
from vision.bridges.topics import ALL, Topics, slug
from vision.domain.event import EventType
from vision.domain.status import CameraState

_ORIGIN = "Ariia Vision"
_Config = dict[str, Any]
# What an automation asks for first; the whole message is on the topic.
_EVENT_TEMPLATE = (
    "{{ {'event_type': value_json.type, 'id': value_json.id, 'camera': value_json.camera, "
    "'label': value_json.label, 'confidence': value_json.confidence, "
    "'started': value_json.time.started, 'seen': value_json.time.seen, "
    "'ended': value_json.time.ended, 'duration_s': value_json.duration_s, "
    "'zones': value_json.zones.current, 'entered': value_json.zones.entered, "
    "'stationary': value_json.stationary, 'snapshot': value_json.best.snapshot, "
    "'gaps': value_json.gaps | count, 'end': value_json.end} | to_json }}"
)


class Entity(NamedTuple):
    """What is known of an entity by its configuration; ``place`` is None for the camera's own."""

    camera: str
    place: Place | None
    state_topic: str


class Discovery:
    """Makes the configurations of a camera's entities."""

    def __init__(self, topics: Topics, prefix: str, refresh_s: float) -> None:
        """``prefix`` is where Home Assistant listens."""
        self._topics = topics
        self._prefix = prefix
        self._expire_after_s = max(1, round(3 * refresh_s))

    @property
    def pattern(self) -> str:
        """The configurations of all entities, ours among them."""
        return f"{self._prefix}/+/+/+/config"

    def configs(self, camera: str, places: Iterable[Place]) -> Iterator[tuple[str, bytes]]:
        """Topic and payload of each of a camera's entities."""
        yield self._entity("sensor", camera, "state", self._state(camera))
        yield self._entity("event", camera, "event", self._event(camera))
        for place in places:
            words = [word for word in (place.zone, place.label) if word is not None]
            # Two underscores: a zone's name has none such, so no two of them meet.
            name = "__".join(slug(word) for word in words)
            yield self._entity(
                "binary_sensor", camera, f"{name}_occupancy", self._occupancy(camera, place)
            )
            yield self._entity("sensor", camera, f"{name}_count", self._count(camera, place))

    def entity_of(self, topic: str, payload: bytes) -> Entity | None:
        """The entity that a configuration tells of; None for what is not ours."""
        if not topic.startswith(f"{self._prefix}/") or not topic.endswith("/config"):
            return None
        try:
            config = orjson.loads(payload)
            name, state_topic = config["origin"]["name"], config["state_topic"]
            identifier = config["device"]["identifiers"][0]
        except (orjson.JSONDecodeError, LookupError, TypeError):
            return None
        prefix, base = self._identifier(""), f"{self._topics.base}/"
        if name != _ORIGIN or not isinstance(state_topic, str) or not isinstance(identifier, str):
            return None
        if not identifier.startswith(prefix) or not state_topic.startswith(base):
            return None
        levels = state_topic.removeprefix(base).split("/")
        place: Place | None = None
        match levels:
            case [_, "occupancy" | "count", label]:
                place = Place(None, label)
            case [_, "zone", zone, "occupancy" | "count", label]:
                place = Place(zone, label)
        return Entity(identifier.removeprefix(prefix), place, state_topic)

    def _identifier(self, camera: str) -> str:
        return f"{slug(self._topics.base)}_{camera}"

    def _entity(
        self, component: str, camera: str, name: str, config: Mapping[str, Any]
    ) -> tuple[str, bytes]:
        identifier = self._identifier(camera)
        document = {
            "unique_id": f"{identifier}_{name}",
            "default_entity_id": f"{component}.{slug(identifier)}_{name}",
            **config,
            "availability_mode": "all",
            "qos": 1,
            "device": {
                "identifiers": [identifier],
                "name": camera,
                "manufacturer": _ORIGIN,
                "model": "Camera",
                "sw_version": vision.__version__,
            },
            "origin": {"name": _ORIGIN, "sw_version": vision.__version__},
        }
        return f"{self._prefix}/{component}/{identifier}/{name}/config", orjson.dumps(document)

    def _state(self, camera: str) -> _Config:
        topic = self._topics.status(camera)
        return {
            "name": "State",
            "state_topic": topic,
            "value_template": "{{ value_json.state }}",
            "json_attributes_topic": topic,
            "device_class": "enum",
            "options": [state.value for state in CameraState],
            "entity_category": "diagnostic",
            "icon": "mdi:cctv",
            "expire_after": self._expire_after_s,
            # A camera that is blind is to be seen as such.
            "availability": [{"topic": self._topics.available}],
        }

    def _event(self, camera: str) -> _Config:
        return {
            "name": "Event",
            "state_topic": self._topics.event(camera),
            "event_types": [kind.value for kind in EventType],
            "value_template": _EVENT_TEMPLATE,
            "icon": "mdi:walk",
            "availability": [{"topic": self._topics.available}],
        }

    def _occupancy(self, camera: str, place: Place) -> _Config:
        return {
            "name": f"{_words(place)} occupancy",
            "state_topic": self._topics.occupancy(camera, place.zone, place.label),
            "device_class": "occupancy",
            "payload_on": "ON",
            "payload_off": "OFF",
            "expire_after": self._expire_after_s,
            "availability": self._seen_through(camera),
        }

    def _count(self, camera: str, place: Place) -> _Config:
        return {
            "name": f"{_words(place)} count",
            "state_topic": self._topics.count(camera, place.zone, place.label),
            "state_class": "measurement",
            "unit_of_measurement": "objects",
            "icon": "mdi:counter",
            "expire_after": self._expire_after_s,
            "availability": self._seen_through(camera),
        }

    def _seen_through(self, camera: str) -> list[dict[str, str]]:
        """Nobody is said to be there or not while nobody looks."""
        return [
            {"topic": self._topics.available},
            {"topic": self._topics.camera_available(camera)},
        ]


def _words(place: Place) -> str:
    """``Door person``; ``Objects`` for any of them."""
    label = "objects" if place.label == ALL else place.label
    words = label if place.zone is None else f"{place.zone.replace('_', ' ')} {label}"
    return words[:1].upper() + words[1:]
