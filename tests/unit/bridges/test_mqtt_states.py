"""What is put into the outbox for whom, without a broker."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.event_messages import event
from tests.support.home_assistant import entities, states
from vision.bridges.home_assistant import Discovery
from vision.bridges.mqtt_markers import BridgeMarkers
from vision.bridges.mqtt_outbox import EventBatch, MqttOutbox
from vision.bridges.mqtt_states import MqttStates
from vision.bridges.objects import PresentObjects, ZoneLabel
from vision.bridges.topics import ALL, Topics
from vision.config.bridges import MqttSettings
from vision.domain.event import EventType


class Harness:
    """States for some cameras, and the broker they would go to."""

    def __init__(
        self,
        cameras: Sequence[str] = (),
        *,
        frigate: bool = False,
        topic: str = "vision",
        client_id: str = "ariia-vision",
        discovery: bool = True,
    ) -> None:
        self.outbox = MqttOutbox()
        topics = Topics.of(MqttSettings(frigate=frigate, topic=topic))
        self.discovery = Discovery(topics, "homeassistant", 60)
        self.states = MqttStates(
            topics,
            self.discovery,
            self.outbox,
            PresentObjects(60),
            lambda camera: not cameras or camera in cameras,
            marks=BridgeMarkers(client_id),
            is_discovery_told=discovery,
        )
        self._broker: dict[str, str] = {topics.available: "online"}

    def broker(self) -> dict[str, str]:
        """All topics that have something, once the outbox is empty."""
        while taken := self.outbox.take_states(7):
            for topic, payload, _ in taken:
                self._broker[topic] = payload.decode()
        return {topic: payload for topic, payload in self._broker.items() if payload}

    def start_after(self, kept: Mapping[str, str]) -> None:
        """As the bridge does at a broker that kept this of an earlier time."""
        self._broker = {**kept, **self._broker}
        for topic, payload in kept.items():
            self.states.on_retained(topic, payload.encode())
        self.states.on_all_retained()
        for _ in range(2):
            self.states.tidy()


def _places(zones: Sequence[str] = (), labels: Sequence[str] = ()) -> list[ZoneLabel]:
    """As the settings name them."""
    return [ZoneLabel(zone, label) for zone in (None, *zones) for label in (*labels, ALL)]


def _of_interest(topics: Mapping[str, str], *words: str) -> list[str]:
    return [topic for topic in topics if any(word in topic for word in words)]


@pytest.mark.parametrize("others", [("door",), ()], ids=["some are left", "none are left"])
def test_zones_and_labels_that_were_removed_are_taken_back(others: tuple[str, ...]) -> None:
    """Entities and states, though the stream still has events of them; what stays is as it was."""
    before = Harness(["front"])
    before.states.know("front", _places(["drive", *others], ["car", "person"]))
    before.start_after({})
    kept = before.broker()
    assert _of_interest(kept, "drive", "car")
    after = Harness(["front"])
    labels = ["person"] if others else []
    after.states.know("front", _places(others, labels))
    # Of before the start, as it is read again.
    after.states.on_event(event(label="car", zones=("drive",)))
    after.states.on_event(event(1, label="car", zones=("drive",), kind=EventType.END))
    after.start_after(kept)
    assert _of_interest(after.broker(), "drive", "car") == []
    stays = entities(after.broker())
    assert stays.keys() <= entities(kept).keys()
    assert "sensor.vision_front_all_count" in stays


def test_what_was_told_below_another_topic_is_taken_back() -> None:
    """All of it; and the next start has nothing more to look for."""
    before = Harness(["front"])
    before.states.know("front", _places(["door"], ["person"]))
    before.states.on_camera("front", "online", "", "", delivers=True)
    before.start_after({})
    after = Harness(["front"], topic="home/vision")
    after.states.know("front", _places(["door"], ["person"]))
    after.states.on_camera("front", "online", "", "", delivers=True)
    after.start_after(before.broker())
    left = after.broker()
    assert [topic for topic in left if topic.startswith("vision/")] == []
    assert [topic for topic in left if "/vision_front/" in topic] == []
    assert entities(left)
    again = Harness(["front"], topic="home/vision")
    again.start_after(left)
    assert json.loads(again.broker()["ariia-vision/bridge/ariia-vision"])["former"] == []


def test_what_another_bridge_tells_is_left_alone() -> None:
    """It is known by its client id, whether it began to publish there before or after we left."""
    ours = Harness(["front"])
    ours.states.know("front", _places())
    ours.start_after({})
    other = Harness(["front"], client_id="attic")
    other.states.know("front", _places())
    other.states.on_camera("front", "online", "", "", delivers=True)
    other.start_after(ours.broker())
    moved = Harness(["front"], topic="home/vision")
    moved.states.know("front", _places())
    moved.start_after(other.broker())
    mark = "ariia-vision/bridge/ariia-vision"
    kept = {topic: text for topic, text in other.broker().items() if topic != mark}
    assert kept.items() <= moved.broker().items()
    # And one of which no mark says that it was ours.
    stranger = Harness(["front"], topic="unknown")
    stranger.states.know("front", _places())
    foreign = {t: p for t, p in stranger.broker().items() if t.startswith("homeassistant/sensor")}
    newcomer = Harness(["front"])
    newcomer.start_after(foreign)
    assert foreign.items() <= newcomer.broker().items()


def test_a_base_below_another_one_is_told_apart() -> None:
    """``home`` and ``home/vision`` begin alike."""
    before = Harness(["vision"], topic="home")
    before.states.know("vision", _places())
    before.start_after({})
    after = Harness(["front"], topic="home/vision")
    after.states.know("front", _places())
    kept = before.broker() | after.broker()
    after.start_after(kept)
    assert entities(after.broker()).keys() == {
        f"{kind}.home_vision_front_{name}"
        for kind, name in (
            ("sensor", "state"),
            ("event", "event"),
            ("binary_sensor", "all_occupancy"),
            ("sensor", "all_count"),
        )
    }


def test_where_discovery_is_off_entities_are_taken_back() -> None:
    """Their states go on."""
    before = Harness(["front"])
    before.states.know("front", _places(labels=["person"]))
    before.start_after({})
    after = Harness(["front"], discovery=False)
    after.states.know("front", _places(labels=["person"]))
    after.start_after(before.broker())
    assert not entities(after.broker())
    assert after.broker()["vision/front/count/person"] == "0"


_ALIKE = (
    "front-door",
    "front_door",
    "front__door",
    "Front Door",
    "front/door",
    "frönt_door",
    "é",
    "è",
)


@pytest.mark.parametrize("kind", ["zones", "labels", "learned"])
def test_names_that_look_alike_have_entities_of_their_own(kind: str) -> None:
    """Each its topics, unique id and entity id; the one that needs no change has the plain ones."""
    scene = Harness()
    if kind == "learned":
        for number, name in enumerate(_ALIKE):
            scene.states.on_event(event(number=number, label=name))
    else:
        scene.states.know("front", _places(**{kind: _ALIKE}))
    found = entities(scene.broker())
    topics = {one.config["state_topic"] for one in found.values()}
    places = 1 + len(_ALIKE)
    assert len(found) == len(topics) == 2 + 2 * places
    if kind != "learned":
        plain = found[
            "sensor.vision_front_front_door__all_count"
            if kind == "zones"
            else "sensor.vision_front_front_door_count"
        ]
        assert "front_door" in plain.config["state_topic"].split("/")


def test_a_name_that_meets_no_other_stays_as_it_was() -> None:
    """Home Assistant knows it by its id, and people by what they made of it."""
    scene = Harness()
    scene.states.know("front", _places(["front-door"], ["cell phone"]))
    assert "sensor.vision_front_front_door__cell_phone_count" in entities(scene.broker())


def test_cameras_that_look_alike_have_entities_of_their_own() -> None:
    """Also where the end of one camera's name is the beginning of another's label."""
    scene = Harness()
    cameras = ("front", "front-door", "front_door")
    for camera in cameras:
        scene.states.know(camera, _places(labels=["door bell", "bell"]))
    found = entities(scene.broker())
    assert len(found) == len(cameras) * 8


def test_a_learned_name_is_the_same_after_a_restart() -> None:
    """Though the broker tells of them in another order than they came."""
    before = Harness()
    for number, name in enumerate(("cell phone", "cell-phone", "cell_phone")):
        before.states.on_event(event(number=number, label=name))
    before.start_after({})
    kept = before.broker()
    after = Harness()
    after.start_after(dict(sorted(kept.items(), reverse=True)))
    told = after.broker()
    ids = {name: one.config["state_topic"] for name, one in entities(told).items()}
    assert ids == {name: one.config["state_topic"] for name, one in entities(kept).items()}


def test_a_zone_that_is_called_like_a_camera_has_its_own_topic_of_frigate() -> None:
    """Else the counts of one would be those of the other."""
    scene = Harness(frigate=True)
    scene.states.know("yard", _places())
    scene.states.on_event(event(zones=("yard",)))
    assert scene.broker()["frigate/yard/all"] == "0"
    assert scene.broker()["frigate/yard~zone/all"] == "1"


def test_what_was_learned_is_known_again() -> None:
    """From the broker itself: a label that the settings do not name stays an entity."""
    before = Harness(["front"])
    before.states.on_event(event(label="cell phone", zones=("door",)))
    after = Harness(["front"])
    for topic, payload in before.broker().items():
        after.states.on_retained(topic, payload.encode())
    after.states.on_camera("front", "online", "", "", delivers=True)
    found = states(after.broker())
    assert found["binary_sensor.vision_front_cell_phone_occupancy"] == "off"
    assert found["sensor.vision_front_door__cell_phone_count"] == "0"
    assert entities(before.broker()).keys() <= entities(after.broker()).keys()


def test_a_camera_that_is_gone_is_taken_back_and_no_other() -> None:
    """Its entities first, its states a moment later; rubbish is left alone."""
    before = Harness()
    before.states.on_camera("yard", "online", "", "", delivers=True)
    before.states.on_event(event(camera="yard", zones=("door",)))
    old = before.broker()
    after = Harness(["front"])
    after.states.know("front", [ZoneLabel(None, "person")])
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
    scene = Harness(frigate=True)
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
    scene = Harness(frigate=True)
    scene.states.on_event(event(label=label, zones=(zone,)))
    for topic in scene.broker():
        assert not set("+#\0") & set(topic)
    assert entities(scene.broker())


def test_what_is_not_confirmed_is_sent_again_in_order() -> None:
    """By the next connection, before what is new."""
    outbox = MqttOutbox()
    acked: list[int] = []
    parcels = [
        EventBatch((("t", b"%d" % number),), lambda number=number: acked.append(number))  # type: ignore[misc]
        for number in range(4)
    ]
    for parcel in parcels[:3]:
        assert outbox.put_event(parcel, 0)
    first = [outbox.take_event(after_states=True) for _ in range(3)]
    assert first == parcels[:3]
    outbox.confirm(parcels[0])
    outbox.put_event(parcels[3], 0)
    outbox.reset()
    again = [outbox.take_event(after_states=True) for _ in range(4)]
    assert again == [*parcels[1:], None]
    assert acked == [0]
