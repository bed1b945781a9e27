"""From cameras and events to the states that a broker keeps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

import orjson

from vision.bridges.home_assistant import Discovery
from vision.bridges.mqtt_markers import BridgeMarker, BridgeMarkers
from vision.bridges.mqtt_outbox import MqttOutbox
from vision.bridges.objects import Presence, PresentObjects, ZoneLabel
from vision.bridges.topics import ALL, CHANGED, Topics, level
from vision.domain.event import EventMessage


class MqttStates:
    """Puts states and what Home Assistant is to know of them into the outbox. Thread-safe."""

    def __init__(
        self,
        topics: Topics,
        discovery: Discovery | None,
        outbox: MqttOutbox,
        objects: PresentObjects,
        is_wanted: Callable[[str], bool],
        *,
        marks: BridgeMarkers | None = None,
        is_discovery_told: bool = True,
    ) -> None:
        """What is told of cameras that are not wanted is taken away where it is found.

        Args:
            topics: Where what is published.
            discovery: Makes and knows configurations; None where none may be looked at.
            outbox: Where it goes.
            objects: Which objects are there.
            is_wanted: Whether a camera is to be told of.
            marks: What this bridge and others left for their next start.
            is_discovery_told: Whether Home Assistant is to know anything: else what it was
                told before is taken away.
        """
        self._topics = topics
        self._discovery = discovery
        self._outbox = outbox
        self._objects = objects
        self._is_wanted = is_wanted
        self._marks = marks
        self._is_discovery_told = is_discovery_told and discovery is not None
        self._lock = threading.Lock()
        self._said: dict[str, tuple[str, str]] = {}
        self._gone: dict[str, bool] = {}
        self._configured: set[str] = set()
        self._retained: dict[str, bytes] = {}
        # By camera, what the settings name; nothing where they name none.
        self._zones: dict[str, tuple[str, ...]] = {}
        self._labels: dict[str, tuple[str, ...]] = {}

    def know(self, camera: str, places: Iterable[ZoneLabel]) -> None:
        """Tell of a camera and of the places in it that the settings name; nothing is there yet.

        Where they name zones, or labels, there are no others.
        """
        with self._lock:
            named = list(places)
            self._zones[camera] = _unique(place.zone for place in named)
            self._labels[camera] = _unique(place.label for place in named if place.label != ALL)
            self._know(camera, [ZoneLabel(None, ALL), *named])

    def on_camera(
        self, camera: str, state: str, reason: str, since: str, *, delivers: bool
    ) -> None:
        """Tell of a camera's state, when it has changed."""
        with self._lock:
            if self._said.get(camera) == (state, reason) or not self._is_wanted(camera):
                return
            if camera not in self._said:
                self._know(camera, [ZoneLabel(None, ALL)])
            self._said[camera] = state, reason
            document = {"camera": camera, "state": state, "reason": reason, "since": since}
            self._outbox.put_state(self._topics.status(camera), orjson.dumps(document))
            available = b"online" if delivers else b"offline"
            self._outbox.put_state(self._topics.camera_available(camera), available)

    def on_event(self, message: EventMessage) -> None:
        """Tell where something came or left."""
        with self._lock:
            if self._is_wanted(message.camera):
                self._put(message.camera, self._objects.on_event(message))

    def tidy(self) -> None:
        """Let go of what nobody tells of any more; to be called now and then."""
        with self._lock:
            # One call later than its entity: Home Assistant would complain of an empty state.
            for topic in [topic for topic, is_due in self._gone.items() if is_due]:
                del self._gone[topic]
                self._outbox.put_state(topic, b"")
            self._gone = dict.fromkeys(self._gone, True)
            for camera, changes in self._objects.forget_stale().items():
                self._put(camera, changes)

    def on_retained(self, topic: str, payload: bytes) -> None:
        """Take what the broker kept of an earlier time: go on with it, or take it away."""
        if self._discovery is None or not payload:
            return
        with self._lock:
            if self._marks is not None and self._marks.on_message(topic, payload):
                return
            self._retained[topic] = payload
            entity = self._discovery.entity_of(topic, payload)
            if entity is None:
                return
            if not self._is_wanted(entity.camera):
                self._take_back(topic, entity.state_topic, *self._of_camera(entity.camera))
            elif not self._is_discovery_told:
                self._take_back(topic)
            elif entity.place is None or topic in self._configured:
                return
            elif not self._is_named(entity.camera, entity.place):
                self._take_back(topic, entity.state_topic)
            elif self._discovery.recall(topic, entity):
                self._know(entity.camera, [entity.place])
            else:
                # It has another name now; its states stay where they are.
                self._take_back(topic)

    def on_all_retained(self) -> None:
        """The broker has told all it kept: take back what is left of other settings, and say so.

        That are configurations below topics that this bridge published below before, and
        places that its settings named then.
        """
        if self._discovery is None or self._marks is None:
            return
        with self._lock:
            retained, self._retained = self._retained, {}
            left = tuple(
                base
                for base in self._marks.former_bases(self._topics.base)
                if self._take_back_base(self._discovery.of_base(base), base, retained)
            )
            if self._marks.ours is not None:
                self._take_back_named(self._marks.ours)
            mark = BridgeMarker(self._topics.base, left, self._zones, self._labels)
            self._outbox.put_state(self._marks.topic, mark.payload())

    def _take_back_base(
        self, discovery: Discovery, base: str, retained: Mapping[str, bytes]
    ) -> bool:
        """Whether anything was left of it."""
        found = False
        for topic, payload in retained.items():
            entity = discovery.entity_of(topic, payload)
            if entity is None:
                continue
            found = True
            before = Topics(base, None)
            status = before.status(entity.camera), before.camera_available(entity.camera)
            self._take_back(topic, *entity.topics, *status)
        return found

    def _take_back_named(self, before: BridgeMarker) -> None:
        """What the settings named then and do not now, as far as they name none of its kind."""
        for camera, places in [(one, self._objects.places(one)) for one in self._objects.cameras()]:
            zones = set(before.zones.get(camera, ())) - set(self._zones.get(camera, ()))
            labels = set(before.labels.get(camera, ())) - set(self._labels.get(camera, ()))
            for place in [one for one in places if one.zone in zones or one.label in labels]:
                if self._discovery is not None:
                    configs = self._discovery.topics_of(camera, place)
                    self._configured -= set(configs)
                    for topic in configs:
                        self._take_back(topic)
                for topic in (
                    self._topics.count(camera, *place),
                    self._topics.occupancy(camera, *place),
                ):
                    self._gone.setdefault(topic, False)
                self._objects.forget(camera, place)

    def _take_back(self, config: str, *states: str) -> None:
        self._outbox.put_state(config, b"")
        for topic in states:
            self._gone.setdefault(topic, False)

    def _is_named(self, camera: str, place: ZoneLabel) -> bool:
        """Whether the settings name it, or leave open what there is."""
        zones, labels = self._zones.get(camera, ()), self._labels.get(camera, ())
        return (place.zone is None or not zones or place.zone in zones) and (
            place.label == ALL or not labels or place.label in labels
        )

    def _of_camera(self, camera: str) -> tuple[str, ...]:
        return self._topics.status(camera), self._topics.camera_available(camera)

    def _know(self, camera: str, places: Iterable[ZoneLabel]) -> None:
        before = set(self._objects.places(camera))
        self._objects.know(camera, places)
        known = self._objects.places(camera)
        self._put(camera, {place: known[place] for place in known if place not in before})

    def _put(self, camera: str, changes: Mapping[ZoneLabel, Presence]) -> None:
        changes = {place: one for place, one in changes.items() if self._is_named(camera, place)}
        if not changes:
            return
        if self._discovery is not None and self._is_discovery_told:
            # Those that are told already stay as they are.
            for topic, config in self._discovery.configs(camera, changes):
                self._configured.add(topic)
                self._outbox.put_state(topic, config)
        for place, presence in changes.items():
            count = str(presence.objects).encode()
            self._put_retained(self._topics.count(camera, *place), count)
            self._put_retained(
                self._topics.occupancy(camera, *place), b"ON" if presence.objects else b"OFF"
            )
            if self._topics.frigate is not None:
                self._put_frigate(self._topics.frigate, camera, place)

    def _put_retained(self, topic: str, payload: bytes) -> None:
        # It is there again: nothing is to be taken away.
        self._gone.pop(topic, None)
        self._outbox.put_state(topic, payload)

    def _put_frigate(self, base: str, camera: str, place: ZoneLabel) -> None:
        """Counts of a camera, and of a zone over all cameras that have one of its name."""
        cameras = self._objects.cameras() if place.zone is not None else [camera]
        there = [self._objects.places(name).get(place, Presence()) for name in cameras]
        topic = f"{base}/{self._frigate_level(camera, place.zone)}/{level(place.label)}"
        for name, number in (
            (topic, sum(one.objects for one in there)),
            (f"{topic}/active", sum(one.active for one in there)),
        ):
            self._outbox.put_state(name, str(number).encode(), retain=False)

    def _frigate_level(self, camera: str, zone: str | None) -> str:
        """A zone that is called like a camera has another name there, where both are one level."""
        if zone is None:
            return level(camera)
        is_taken = zone in self._objects.cameras()
        return f"{level(zone)}{CHANGED}zone" if is_taken else level(zone)


def _unique(names: Iterable[str | None]) -> tuple[str, ...]:
    """Each once, in their order."""
    return tuple(dict.fromkeys(name for name in names if name is not None))
