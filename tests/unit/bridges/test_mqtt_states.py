"""What is put into the outbox for whom, without a broker."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.event_messages import event
from tests.support.home_assistant import entities, states
from vision.bridges.home_assistant import Discovery
from vision.bridges.mqtt_outbox import EventParcel, MqttOutbox
from vision.bridges.mqtt_states import MqttStates
from vision.bridges.objects import Place, PresentObjects
from vision.bridges.topics import Topics
from vision.config.bridges import MqttSettings


class Scene:
    """States for some cameras, and the broker they would go to."""

    def __init__(self, cameras: Sequence[str] = (), *, frigate: bool = False) -> None:
        self.outbox = MqttOutbox()
        topics = Topics.of(MqttSettings(frigate=frigate))
        self.discovery = Discovery(topics, "homeassistant", 60)
        self.states = MqttStates(
            topics,
            self.discovery,
            self.outbox,
            PresentObjects(60),
            lambda camera: not cameras or camera in cameras,
        )
        self._broker: dict[str, str] = {topics.available: "online"}

    def broker(self) -> dict[str, str]:
        """All topics that have something, once the outbox is empty."""
        while taken := self.outbox.take_states(7):
            for topic, payload, _ in taken:
                self._broker[topic] = payload.decode()
        return {topic: payload for topic, payload in self._broker.items() if payload}


def test_what_was_learned_is_known_again() -> None:
    """From the broker itself: a label that the settings do not name stays an entity."""
    before = Scene(["front"])
    before.states.on_event(event(label="cell phone", zones=("door",)))
    after = Scene(["front"])
    for topic, payload in before.broker().items():
        after.states.on_retained(topic, payload.encode())
    after.states.on_camera("front", "online", "", "", delivers=True)
    found = states(after.broker())
    assert found["binary_sensor.vision_front_cell_phone_occupancy"] == "off"
    assert found["sensor.vision_front_door__cell_phone_count"] == "0"
    assert entities(before.broker()).keys() <= entities(after.broker()).keys()


def test_a_camera_that_is_gone_is_taken_back_and_no_other() -> None:
    """Its entities first, its states a moment later; rubbish is left alone."""
    before = Scene()
    before.states.on_camera("yard", "online", "", "", delivers=True)
    before.states.on_event(event(camera="yard", zones=("door",)))
    old = before.broker()
    after = Scene(["front"])
    after.states.know("front", [Place(None, "person")])
    after._broker |= old
    for topic, text in (
        *old.items(),
        ("homeassistant/sensor/x/y/config", "{"),
        ("homeassistant/sensor/x/y/config", "[]"),
        ("homeassistant/sensor/x/y/config", '{"origin": {"name": "Ariia Vision"}}'),
        ("elsewhere", "{}"),
    ):
        after.states.on_retained(topic, text.encode())
    assert not [
        topic for topic in after.broker() if topic.startswith("homeassistant/") and "yard" in topic
    ]
    after.states.tidy()
    after.states.tidy()
    left = [topic for topic in after.broker() if "yard" in topic]
    assert left == []
    assert "binary_sensor.vision_front_person_occupancy" in entities(after.broker())


def test_a_zone_of_two_cameras_is_one_for_frigate() -> None:
    """Its topics know no camera there."""
    scene = Scene(frigate=True)
    scene.states.on_event(event(zones=("drive",)))
    still = dataclasses.replace(event(camera="yard", zones=("drive",)), stationary=True)
    scene.states.on_event(still)
    broker = scene.broker()
    assert broker["frigate/drive/person"] == "2"
    assert broker["frigate/drive/person/active"] == "1"
    assert broker["frigate/yard/all"] == "1"
    scene.outbox.refresh()
    assert all(retain for _, _, retain in scene.outbox.take_states(1000))


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_any_event_gives_topics_and_entities_that_are_valid(label: str, zone: str) -> None:
    """Whatever its label and zones are: it came over the network."""
    scene = Scene(frigate=True)
    scene.states.on_event(event(label=label, zones=(zone,)))
    for topic in scene.broker():
        assert not set("+#\0") & set(topic)
    assert entities(scene.broker())


def test_what_is_not_confirmed_is_sent_again_in_order() -> None:
    """By the next connection, before what is new."""
    outbox = MqttOutbox()
    settled: list[int] = []
    parcels = [
        EventParcel((("t", b"%d" % number),), lambda number=number: settled.append(number))  # type: ignore[misc]
        for number in range(4)
    ]
    for parcel in parcels[:3]:
        assert outbox.put_event(parcel, 0)
    first = [outbox.take_event(after_states=True) for _ in range(3)]
    assert first == parcels[:3]
    outbox.confirm(parcels[0])
    outbox.put_event(parcels[3], 0)
    outbox.begin_anew()
    again = [outbox.take_event(after_states=True) for _ in range(4)]
    assert again == [*parcels[1:], None]
    assert settled == [0]
