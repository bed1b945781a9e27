"""Reads MQTT as Home Assistant does, by its documentation and none of the bridge's code.

home-assistant.io/integrations/mqtt (discovery), binary_sensor.mqtt, sensor.mqtt, event.mqtt: the keys
an entity may have, how its topics become a state, and when it is unavailable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import jinja2

# Newer ones read more topics than this one, which is as old as discovery.
_TOPIC = re.compile(
    r"homeassistant/(?P<component>\w+)/(?P<node>[a-zA-Z0-9_-]+)/(?P<object>[a-zA-Z0-9_-]+)/config"
)
_COMMON = {
    *("unique_id", "default_entity_id", "name", "state_topic", "value_template", "qos", "icon"),
    *("availability", "availability_mode", "device", "origin", "json_attributes_topic"),
    *("entity_category", "device_class", "expire_after"),
}
_OWN = {
    "binary_sensor": {"payload_on", "payload_off"},
    "sensor": {"state_class", "unit_of_measurement", "options"},
    "event": {"event_types"},
}
_DEVICE = {"identifiers", "name", "manufacturer", "model", "sw_version"}
UNAVAILABLE, UNKNOWN = "unavailable", "unknown"

_environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701  no HTML
_environment.filters["to_json"] = json.dumps


class Entity:
    """An entity as it was announced."""

    def __init__(self, component: str, config: Mapping[str, Any]) -> None:
        allowed = _COMMON | _OWN[component]
        if component == "event":
            allowed -= {"expire_after"}
        assert set(config) <= allowed, set(config) - allowed
        assert {"unique_id", "state_topic", "device", "origin"} <= set(config)
        assert set(config["device"]) <= _DEVICE
        assert config["device"]["identifiers"]
        assert config["default_entity_id"].startswith(f"{component}.")
        assert config["origin"]["name"]
        self.component = component
        self.config = config

    def state(self, topics: Mapping[str, str]) -> str:
        """Its state where these are the newest of all topics."""
        is_online = [topics.get(one["topic"]) == "online" for one in self.config["availability"]]
        assert len(is_online) == 1 or self.config["availability_mode"] == "all"
        if not all(is_online):
            return UNAVAILABLE
        payload = topics.get(self.config["state_topic"])
        if payload is None:
            return UNKNOWN
        value = self._rendered(payload)
        if self.component == "binary_sensor":
            return {self.config["payload_on"]: "on", self.config["payload_off"]: "off"}[value]
        if self.config.get("device_class") == "enum":
            assert value in self.config["options"]
        return value

    def event(self, payload: str) -> dict[str, Any]:
        """What is fired for a message on its topic."""
        document: dict[str, Any] = json.loads(self._rendered(payload))
        assert document["event_type"] in self.config["event_types"]
        return document

    def _rendered(self, payload: str) -> str:
        template = self.config.get("value_template")
        if template is None:
            return payload
        return _environment.from_string(template).render(value_json=json.loads(payload))


def entities(topics: Mapping[str, str]) -> dict[str, Entity]:
    """All entities that are announced, by the id that Home Assistant would give them."""
    found: dict[str, Entity] = {}
    unique = set[str]()
    for topic, payload in topics.items():
        if not topic.startswith("homeassistant/"):
            continue
        parts = _TOPIC.fullmatch(topic)
        assert parts, f"{topic} is no topic of discovery"
        entity = Entity(parts["component"], json.loads(payload))
        assert entity.config["unique_id"] not in unique
        unique.add(entity.config["unique_id"])
        found[entity.config["default_entity_id"]] = entity
    return found


def states(topics: Mapping[str, str]) -> dict[str, str]:
    """The state of each entity that has one."""
    return {
        name: entity.state(topics)
        for name, entity in entities(topics).items()
        if entity.component != "event"
    }
