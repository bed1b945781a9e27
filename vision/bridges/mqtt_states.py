"""From cameras and events to the states that a broker keeps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

import orjson

from vision.bridges.home_assistant import Discovery
from vision.bridges.mqtt_outbox import MqttOutbox
from vision.bridges.objects import Place, Presence, PresentObjects
from vision.bridges.topics import ALL, Topics, level
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
    ) -> None:
        """What is told of cameras that are not wanted is taken away where it is found."""
        self._topics = topics
        self._discovery = discovery
        self._outbox = outbox
        self._objects = objects
        self._is_wanted = is_wanted
        self._lock = threading.Lock()
        self._said: dict[str, tuple[str, str]] = {}
        self._gone: dict[str, bool] = {}

    def know(self, camera: str, places: Iterable[Place]) -> None:
        """Tell of a camera and of places in it in which nothing is yet."""
        with self._lock:
            self._know(camera, [Place(None, ALL), *places])

    def on_camera(
        self, camera: str, state: str, reason: str, since: str, *, delivers: bool
    ) -> None:
        """Tell of a camera's state, when it has changed."""
        with self._lock:
            if self._said.get(camera) == (state, reason) or not self._is_wanted(camera):
                return
            if camera not in self._said:
                self._know(camera, [Place(None, ALL)])
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
        entity = self._discovery.entity_of(topic, payload)
        if entity is None:
            return
        with self._lock:
            if not self._is_wanted(entity.camera):
                self._outbox.put_state(topic, b"")
                for gone in (entity.state_topic, *self._of_camera(entity.camera)):
                    self._gone.setdefault(gone, False)
            elif entity.place is not None:
                self._know(entity.camera, [entity.place])

    def _of_camera(self, camera: str) -> tuple[str, ...]:
        return self._topics.status(camera), self._topics.camera_available(camera)

    def _know(self, camera: str, places: Iterable[Place]) -> None:
        before = set(self._objects.places(camera))
        self._objects.know(camera, places)
        known = self._objects.places(camera)
        self._put(camera, {place: known[place] for place in known if place not in before})

    def _put(self, camera: str, changes: Mapping[Place, Presence]) -> None:
        if not changes:
            return
        if self._discovery is not None:
            # Those that are told already stay as they are.
            for topic, config in self._discovery.configs(camera, changes):
                self._outbox.put_state(topic, config)
        for place, presence in changes.items():
            count = str(presence.objects).encode()
            self._outbox.put_state(self._topics.count(camera, *place), count)
            occupancy = b"ON" if presence.objects else b"OFF"
            self._outbox.put_state(self._topics.occupancy(camera, *place), occupancy)
            if self._topics.frigate is not None:
                self._put_frigate(self._topics.frigate, camera, place)

    def _put_frigate(self, base: str, camera: str, place: Place) -> None:
        """Counts of a camera, and of a zone over all cameras that have one of its name."""
        cameras = self._objects.cameras() if place.zone is not None else [camera]
        there = [self._objects.places(name).get(place, Presence()) for name in cameras]
        topic = f"{base}/{level(place.zone or camera)}/{level(place.label)}"
        for name, number in (
            (topic, sum(one.objects for one in there)),
            (f"{topic}/active", sum(one.active for one in there)),
        ):
            self._outbox.put_state(name, str(number).encode(), retain=False)
