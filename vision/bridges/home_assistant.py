"""What Home Assistant is told that there is: its MQTT discovery, one message per entity.

After home-assistant.io/integrations/mqtt, binary_sensor.mqtt, sensor.mqtt and event.mqtt; a camera
is a device. Entities and not whole devices are told of, since versions before 2024.11 know only those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

import vision
from vision.bridges.entity_names import UniqueNames
from vision.bridges.objects import ZoneLabel
from vision.bridges.topics import ALL, CHANGED, Topics, digest, level, slug
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
    """What is known of an entity by its configuration.

    Attributes:
        camera: The camera of its device.
        place: Where it counts; None for the camera's own and for one whose name was changed.
        state_topic: Where its state is.
        topics: All topics of the same bridge that it reads, its state's among them.
    """

    camera: str
    place: ZoneLabel | None
    state_topic: str
    topics: tuple[str, ...]


class Discovery:
    """Makes the configurations of a camera's entities."""

    def __init__(self, topics: Topics, prefix: str, refresh_s: float) -> None:
        """``prefix`` is where Home Assistant listens."""
        self._topics = topics
        self._prefix = prefix
        self._refresh_s = refresh_s
        self._expire_after_s = max(1, round(3 * refresh_s))
        self._unique, self._entity_ids = UniqueNames(), UniqueNames()

    @property
    def pattern(self) -> str:
        """The configurations of all entities, ours among them."""
        return f"{self._prefix}/+/+/+/config"

    def is_config(self, topic: str) -> bool:
        """Whether it is the topic of a configuration."""
        return topic.startswith(f"{self._prefix}/") and topic.endswith("/config")

    def of_base(self, base: str) -> Discovery:
        """Of a bridge that publishes below ``base`` and is otherwise this one."""
        topics = Topics(base, self._topics.frigate)
        return Discovery(topics, self._prefix, self._refresh_s)

    def configs(self, camera: str, places: Iterable[ZoneLabel]) -> Iterator[tuple[str, bytes]]:
        """Topic and payload of each of a camera's entities."""
        yield self._entity("sensor", camera, "state", self._state(camera))
        yield self._entity("event", camera, "event", self._event(camera))
        for place in sorted(places, key=_is_changed):
            name = self._name(camera, place)
            yield self._entity(
                "binary_sensor", camera, f"{name}_occupancy", self._occupancy(camera, place)
            )
            yield self._entity("sensor", camera, f"{name}_count", self._count(camera, place))

    def topics_of(self, camera: str, place: ZoneLabel) -> tuple[str, str]:
        """Where the configurations of a place are."""
        name, identifier = self._name(camera, place), self._identifier(camera)
        return (
            f"{self._prefix}/binary_sensor/{identifier}/{name}_occupancy/config",
            f"{self._prefix}/sensor/{identifier}/{name}_count/config",
        )

    def recall(self, topic: str, entity: Entity) -> bool:
        """Go on with the name that a learned place had; False if it has, or had, another one."""
        if entity.place is None:
            return True
        name = topic.split("/")[-2].rpartition("_")[0]
        plain = _plain(entity.place)
        if name != plain and not name.startswith(f"{plain}_{digest(entity.camera, *entity.place)}"):
            return False
        identifier = self._identifier(entity.camera)
        return self._unique.claim((entity.camera, entity.place), f"{identifier}_{name}")

    def entity_of(self, topic: str, payload: bytes) -> Entity | None:
        """The entity that a configuration tells of; None for what is not ours."""
        if not self.is_config(topic):
            return None
        try:
            config = orjson.loads(payload)
            name, state_topic = config["origin"]["name"], config["state_topic"]
            identifier = config["device"]["identifiers"][0]
            available = [one["topic"] for one in config.get("availability", ())]
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
            return None
        prefix, base = self._identifier(""), f"{self._topics.base}/"
        if name != _ORIGIN or not isinstance(state_topic, str) or not isinstance(identifier, str):
            return None
        if not identifier.startswith(prefix) or not state_topic.startswith(base):
            return None
        camera = identifier.removeprefix(prefix)
        levels = state_topic.removeprefix(base).split("/")
        if levels[0] != level(camera) or topic.split("/")[-3] != identifier:
            return None
        place: ZoneLabel | None = None
        match levels:
            case [_, "occupancy" | "count", label]:
                place = ZoneLabel(None, label)
            case [_, "zone", zone, "occupancy" | "count", label]:
                place = ZoneLabel(zone, label)
        if CHANGED in state_topic:
            place = None
        ours = [one for one in available if isinstance(one, str) and one.startswith(base)]
        return Entity(camera, place, state_topic, (state_topic, *ours))

    def _identifier(self, camera: str) -> str:
        return f"{slug(self._topics.base)}_{camera}"

    def _name(self, camera: str, place: ZoneLabel) -> str:
        """What the entities of a place are called: the same for no two of any camera."""
        prefix = f"{self._identifier(camera)}_"
        unique = self._unique.of(
            (camera, place), f"{prefix}{_plain(place)}", digest(camera, *place)
        )
        return unique.removeprefix(prefix)

    def _entity(
        self, component: str, camera: str, name: str, config: Mapping[str, Any]
    ) -> tuple[str, bytes]:
        identifier = self._identifier(camera)
        document = {
            "unique_id": f"{identifier}_{name}",
            "default_entity_id": self._entity_ids.of(
                (component, camera, name),
                f"{component}.{slug(identifier)}_{name}",
                digest(camera, name),
            ),
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

    def _occupancy(self, camera: str, place: ZoneLabel) -> _Config:
        return {
            "name": f"{_words(place)} occupancy",
            "state_topic": self._topics.occupancy(camera, place.zone, place.label),
            "device_class": "occupancy",
            "payload_on": "ON",
            "payload_off": "OFF",
            "expire_after": self._expire_after_s,
            "availability": self._seen_through(camera),
        }

    def _count(self, camera: str, place: ZoneLabel) -> _Config:
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


def _plain(place: ZoneLabel) -> str:
    """Zone and label in Home Assistant's alphabet; two underscores are in neither of them."""
    return "__".join(slug(word) for word in place if word is not None)


def _is_changed(place: ZoneLabel) -> bool:
    """Whether that alphabet tells less: who is called so plainly comes first."""
    return any(slug(word) != word for word in place if word is not None)


def _words(place: ZoneLabel) -> str:
    """``Door person``; ``Objects`` for any of them."""
    label = "objects" if place.label == ALL else place.label
    words = label if place.zone is None else f"{place.zone.replace('_', ' ')} {label}"
    return words[:1].upper() + words[1:]
