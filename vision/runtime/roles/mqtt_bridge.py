"""``vision bridge mqtt``: states and events to a broker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from urllib.parse import urlsplit

from vision.bridges.errors import BridgeLoss
from vision.bridges.frigate import FrigateEvents
from vision.bridges.home_assistant import Discovery
from vision.bridges.mqtt_markers import BridgeMarkers
from vision.bridges.mqtt_outbox import EventBatch, MqttOutbox
from vision.bridges.mqtt_publisher import MqttPublisher
from vision.bridges.mqtt_session import MqttCredentials
from vision.bridges.mqtt_states import MqttStates
from vision.bridges.objects import PresentObjects, ZoneLabel
from vision.bridges.topics import ALL, Topics
from vision.config.secrets import MQTT_PASSWORD, MQTT_USERNAME, SecretFiles
from vision.config.settings import Settings
from vision.domain.errors import ConfigError
from vision.domain.event import EventMessage
from vision.domain.message import utc_text
from vision.domain.status import CameraState
from vision.publishing.reading.cursor import DetectionCursor, EventCursor, StatusCursor
from vision.publishing.reading.event_follower import FollowedEntry
from vision.publishing.reading.subscriber import Subscriber
from vision.resilience.suspension import SuspensionAwareClock
from vision.runtime.cameras.published import PublishedCameras, silence_s
from vision.runtime.health.role_liveness import RedisReader, stalled_threads
from vision.runtime.roles.bridge import BridgeRole

NAME = "mqtt"
# Enough to find each object that is still there: of each there is word now and then.
_REPLAY = 5_000
# What stands still is told of again after ten times `events.update_s`.
_STALE_UPDATES = 30
_ROOM_S = 0.5
# It looks around twice a second; what takes longer was no silence: nobody listened.
_TURN_S = 2.0


class MqttBridge(BridgeRole):
    """Keeps a broker up to date."""

    def __init__(self, settings: Settings) -> None:
        """As :class:`BridgeRole`; the broker needs to be named."""
        super().__init__(settings, NAME)
        mqtt = settings.bridge.mqtt
        if mqtt.url is None:
            raise ConfigError(
                "bridge.mqtt.url is missing: name the broker there, as mqtt://host:1883"
            )
        mqtt_login(self.secrets)
        wanted = tuple(settings.cameras)
        self._awake = SuspensionAwareClock(_TURN_S)
        self._topics = Topics.of(mqtt)
        self._outbox = MqttOutbox()
        self._frigate = FrigateEvents() if mqtt.frigate else None
        discovery = Discovery(self._topics, mqtt.discovery_topic, mqtt.refresh_s)
        marks = BridgeMarkers(mqtt.client_id)
        self._states = MqttStates(
            self._topics,
            discovery,
            self._outbox,
            PresentObjects(_stale_s(settings), self._awake),
            lambda camera: not wanted or camera in wanted,
            marks=marks,
            is_discovery_told=mqtt.discovery,
        )
        for camera in wanted:
            self._states.know(camera, _places(settings, camera))
        self._cameras = PublishedCameras(
            silence_s=partial(silence_s, settings), monotonic_s=self._awake
        )
        self._waits_for = set(wanted)
        count = self.metrics.count_invalid
        self._statuses = Subscriber(
            settings.redis,
            self.redis_password,
            StatusCursor,
            wanted,
            replay=1,
            on_invalid=count,
            troubles=self.troubles,
        )
        self._detections = Subscriber(
            settings.redis,
            self.redis_password,
            DetectionCursor,
            wanted,
            on_invalid=count,
            troubles=self.troubles,
        )
        # What is no event is counted by the follower, which reads the same streams.
        self._events = Subscriber(
            settings.redis,
            self.redis_password,
            EventCursor,
            wanted,
            replay=_REPLAY,
            troubles=self.troubles,
        )
        self._follower = self.follower(NAME, wanted, self._count_trimmed)
        self._counts = self.metrics.target(
            NAME,
            lambda: self._follower.waiting + self._outbox.waiting,
            lambda: self._publisher.is_connected,
        )
        self._publisher = MqttPublisher(
            mqtt,
            lambda: mqtt_login(self.secrets),
            self._outbox,
            self._topics.available,
            self._counts,
        )
        self._publisher.patterns = (marks.pattern, discovery.pattern)
        self._publisher.optional = frozenset({marks.pattern, marks.topic})
        self._publisher.is_echoed = discovery.is_config if mqtt.discovery else None
        self._publisher.on_retained = self._states.on_retained
        self._publisher.on_all_retained = self._states.on_all_retained
        self.metrics.redis_up.set_function(lambda: float(self._follower.connected))

    def _work(self) -> Mapping[str, Callable[[threading.Event], None]]:
        return {
            "statuses": self._take_statuses,
            "detections": self._take_detections,
            "objects": self._take_objects,
            "events": self._take_events,
            "mqtt": self._publisher.run,
        }

    def _targets(self) -> Sequence[str]:
        parts = urlsplit(self.settings.bridge.mqtt.url or "")
        return (f"{parts.scheme}://{parts.hostname}",)

    def _take_statuses(self, stop: threading.Event) -> None:
        for received in self._statuses.messages(stop):
            self._cameras.on_status(received.message)

    def _take_detections(self, stop: threading.Event) -> None:
        for received in self._detections.messages(stop):
            self._cameras.on_detections(received.message)

    def _take_objects(self, stop: threading.Event) -> None:
        for received in self._events.messages(stop):
            self._states.on_event(received.message)

    def _take_events(self, stop: threading.Event) -> None:
        for entry in self._follower.entries(stop):
            if entry.message is None:
                self._counts.lost(BridgeLoss.INVALID)
                self._follower.ack(entry)
                continue
            parcel = self._parcel(entry, entry.message)
            while not self._outbox.put_event(parcel, _ROOM_S):
                if stop.is_set():
                    return
                self._follower.poll()

    def _parcel(self, entry: FollowedEntry, message: EventMessage) -> EventBatch:
        messages = [(self._topics.event(entry.camera), entry.payload)]
        if self._frigate is not None:
            topic = f"{self._topics.frigate}/events"
            messages.append((topic, self._frigate.payload(message)))
        return EventBatch(tuple(messages), partial(self._follower.ack, entry))

    def _count_trimmed(self, _camera: str, entries: int) -> None:
        self._counts.lost(BridgeLoss.TRIMMED, entries)

    def _check(self) -> None:
        self._awake.tick()
        for view in self._cameras.views(with_removed=True):
            self._waits_for.discard(view.name)
            self._states.on_camera(
                view.name,
                view.state.value,
                view.reason,
                utc_text(view.since_ns),
                delivers=view.state.delivers,
            )
        is_ready = all(one.connected for one in self._readers().values())
        if is_ready:
            self._states.tidy()
            for camera in self._waits_for:
                self._states.on_camera(
                    camera,
                    CameraState.STARTING.value,
                    "no message of it yet",
                    "",
                    delivers=False,
                )
        self._publisher.is_ready = is_ready

    def _store_offsets(self) -> None:
        self._follower.store()

    def _readers(self) -> Mapping[str, RedisReader]:
        return {
            "states": self._statuses,
            "detections": self._detections,
            "objects": self._events,
            "events": self._follower,
        }

    def _read_state(self) -> tuple[bool, Sequence[str], Sequence[str]]:
        is_connected = self._follower.connected
        # Whoever connects may wait for as long as the broker, or its name, takes to answer.
        parts = [
            (
                "the connection to the broker",
                self._publisher.is_connected,
                self._publisher.last_heartbeat_ns,
            ),
            ("reading", is_connected, self._follower.last_heartbeat_ns),
        ]
        stuck = [
            line
            for name, counts, last_heartbeat_ns in parts
            if counts
            for line in stalled_threads(name, last_heartbeat_ns)
        ]
        if not self._publisher.is_connected:
            return is_connected, stuck, (self._away(),)
        forbidden = self._publisher.forbidden
        return is_connected, stuck, (forbidden,) if forbidden else ()

    def _away(self) -> str:
        return f"the broker is away: {self._publisher.problem or 'not connected yet'}"


def mqtt_login(secrets: SecretFiles) -> MqttCredentials:
    """User name and password of the broker, as they are now.

    Raises:
        ConfigError: A file is not in order, or a password has no user name.
    """
    username, password = secrets.read(MQTT_USERNAME), secrets.read(MQTT_PASSWORD)
    if password is not None and username is None:
        username = secrets.require(MQTT_USERNAME, "its partner file exists")
    return MqttCredentials(username, password)


def _stale_s(settings: Settings) -> float:
    """How long nothing may be heard of an object that is there."""
    refreshes = (
        camera.motion.refresh_s for camera in settings.cameras.values() if camera.motion.enabled
    )
    return _STALE_UPDATES * settings.events.update_s + 2 * max(refreshes, default=0.0)


def _places(settings: Settings, camera: str) -> Iterator[ZoneLabel]:
    """What Home Assistant is to know of before anything is seen."""
    about = settings.cameras[camera]
    labels = about.events.labels or settings.events.labels or about.labels or ()
    for zone in (None, *about.events.zones):
        for label in (*labels, ALL):
            yield ZoneLabel(zone, label)
