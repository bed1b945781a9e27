"""Whatever stands on the streams: what a reader accepted it can use, and nothing ends it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.event_messages import event
from tests.support.messages import PERSON, detection, status
from tests.support.mutations import RUBBISH, VALUES, mutations
from tests.support.narrations import narration
from tests.support.visits import WalkingPerson, film, rules
from vision.bridges.errors import BridgeFailure, BridgeLoss
from vision.bridges.frigate import FrigateEvents
from vision.bridges.home_assistant import Discovery
from vision.bridges.mqtt_outbox import MqttOutbox
from vision.bridges.mqtt_states import MqttStates
from vision.bridges.objects import PresentObjects
from vision.bridges.topics import Topics
from vision.bridges.webhook_delivery import WebhookDelivery
from vision.bridges.webhook_sender import WebhookReply, signed_headers
from vision.cli.tail import DetectionLines, event_line, narration_line, status_line
from vision.config.bridges import WebhookTarget
from vision.config.narration import NarrationSettings
from vision.domain.errors import PublishError
from vision.domain.event import EndReason, EventMessage, EventType
from vision.events.camera_tracker import EventTracker
from vision.events.redis_store import OpenEvents
from vision.frames.preview_channel import unpack_preview
from vision.narration.facts import facts_of, is_wanted
from vision.narration.wording import question, sentence
from vision.publishing.encoding import (
    decode_detections,
    decode_event,
    decode_narration,
    decode_status,
    encode,
)
from vision.publishing.reading.offsets import StreamPosition
from vision.publishing.reading.stream_reader import StoredMessage
from vision.runtime.cameras.published import PublishedCameras
from vision.web.documents import cameras_json
from vision.web.feed import LiveFeed
from vision.web.live_frames import draw_boxes

_Message = TypeVar("_Message")
_FRAMES = film([WalkingPerson(0, 9), WalkingPerson(2, 8, (0.9, 0.9), (0.1, 0.9))], 10)
_DETECTIONS = mutations(encode(detection(3, detections=(PERSON, PERSON))))
_STATUSES = mutations(encode(status()))
_EVENT = encode(event(3, kind=EventType.END, end=EndReason.LEFT, zones=("door",)))
_EVENTS = mutations(_EVENT) | mutations(encode(event(1, kind=EventType.UPDATE, zones=("door",))))
_NARRATIONS = mutations(encode(narration()))
_many = settings(deadline=None, max_examples=150)


def _accepted(decode: Callable[[bytes], _Message], payload: bytes) -> _Message | None:
    try:
        return decode(payload)
    except PublishError:
        return None


class _Nobody:
    """Takes everything a reader tells."""

    def on_event(self, message: EventMessage) -> None:
        """Nothing."""

    def followed(self, *_: object) -> None:
        """Nothing."""

    def passed_by(self, *_: str) -> None:
        """Nothing."""

    def post(self, message_id: str, body: bytes) -> WebhookReply:
        """Signed, as a header has to be."""
        headers = signed_headers(b"0" * 32, message_id, 1, body)
        assert all(value.isascii() and value.isprintable() for value in headers.values())
        return WebhookReply(204)

    def sent(self) -> None:
        """Nothing."""

    def failed(self, failure: BridgeFailure) -> None:
        """Nothing."""

    def lost(self, loss: BridgeLoss) -> None:
        """Nothing."""


def _tracker() -> EventTracker:
    return EventTracker(
        "front", rules(zones={"door": [(0.3, 0.0), (0.7, 0.0), (0.5, 1.0)]}), _Nobody()
    )


@_many
@given(detections=st.lists(_DETECTIONS, max_size=3), statuses=st.lists(_STATUSES, max_size=2))
def test_a_tracker_goes_on(detections: list[bytes], statuses: list[bytes]) -> None:
    """Between sound frames, and with the ones after them."""
    one = _tracker()
    sound = [StoredMessage(frame.stream_id, encode(frame)) for frame in _FRAMES]
    hostile = [StoredMessage("1763898000123-3", payload) for payload in detections]
    said = [StoredMessage("1-1", payload) for payload in statuses]
    one.begin([*hostile, *sound[:1]])
    told = one.take(sound[:20], [])
    told += one.take(hostile, said)
    told += one.take(sound[20:], [])
    told += one.take([], [])
    assert told
    for message in told:
        decode_event(message.payload)
    assert _tracker().restore(one.state() or b"")


def _sound_state() -> bytes:
    one = _tracker()
    one.take([StoredMessage(frame.stream_id, encode(frame)) for frame in _FRAMES[:30]], [])
    state = one.state()
    assert state is not None
    return state


@_many
@given(state=mutations(_sound_state()))
def test_a_state_that_was_tampered_with_ends_nobody(state: bytes) -> None:
    """It is refused as a whole, or its camera goes on."""
    one = _tracker()
    if one.restore(state):
        for stream_id in (one.detections_id, one.statuses_id):
            assert all(0 <= int(part) < 2**64 for part in stream_id.split("-"))
    for frame in _FRAMES[25:]:
        one.take([StoredMessage(frame.stream_id, encode(frame))], [])
    one.take([], [])
    assert one.state() is not None


@_many
@given(payload=_EVENTS)
def test_what_was_told_before_is_carried_on(payload: bytes) -> None:
    """By a worker without a state, who reads its own messages of an earlier time."""
    message = _accepted(decode_event, payload)
    if message is None:
        return
    one = _tracker()
    one.rebuild(OpenEvents("1763898000123-10000", {message.id: message}))
    told = one.take([StoredMessage(frame.stream_id, encode(frame)) for frame in _FRAMES], [])
    for stored in [*told, *one.take([], [])]:
        decode_event(stored.payload)


@_many
@given(detections=_DETECTIONS, statuses=_STATUSES)
def test_the_page_and_the_terminal_go_on(detections: bytes, statuses: bytes) -> None:
    """Overview, pictures with boxes, lines."""
    cameras, lines = PublishedCameras(silence_s=lambda _: 1.0), DetectionLines()
    seen, said = _accepted(decode_detections, detections), _accepted(decode_status, statuses)
    if said is not None:
        cameras.on_status(said)
        assert len(status_line(said).splitlines()) == 1
    if seen is not None:
        cameras.on_detections(seen)
        cameras.on_detections(detection(4, camera=seen.camera))
        assert len(lines(seen).splitlines()) == 1
        draw_boxes(np.zeros((48, 64, 3), np.uint8), detections)
    cameras_json(cameras.views())
    cameras.model()


@_many
@given(payload=_EVENTS)
def test_whoever_hears_of_events_goes_on(payload: bytes) -> None:
    """Page, broker, Frigate's form, webhooks, narrator, terminal."""
    message = _accepted(decode_event, payload)
    if message is None:
        return
    assert len(event_line(message).splitlines()) == 1
    LiveFeed().on_event(message, payload)
    topics, outbox = Topics("vision", "frigate"), MqttOutbox()
    discovery = Discovery(topics, "homeassistant", 60.0)
    states = MqttStates(topics, discovery, outbox, PresentObjects(9.0), lambda _: True)
    states.on_event(message)
    states.tidy()
    for topic, _, _ in outbox.take_states(1_000):
        assert topic.isprintable()
    json.loads(FrigateEvents().payload(message))
    target = WebhookTarget.model_validate({"name": "x", "url": "http://h", "give_up_s": 60})
    nobody = _Nobody()
    delivery = WebhookDelivery(target, nobody, nobody)
    delivery.wants(message)
    assert delivery.deliver(message, payload, threading.Event())
    is_wanted(message, NarrationSettings.model_validate({"zones": ["door"]}))
    for zone in (UTC, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/Adak")):
        facts = facts_of(message, zone)
        for language in ("de", "en"):
            assert sentence(facts, language)
            question(facts, language, None)


@_many
@given(payload=_NARRATIONS)
def test_a_narration_fits_on_a_line(payload: bytes) -> None:
    """Whatever is in it."""
    message = _accepted(decode_narration, payload)
    if message is not None:
        assert len(narration_line(message).splitlines()) == 1


@given(st.binary(max_size=60) | st.text().map(lambda text: text.encode("utf-8", "replace")))
def test_a_place_is_one_that_redis_takes_or_none(stored: bytes) -> None:
    """As whoever remembers it reads it."""
    place = StreamPosition.parse(stored)
    if place is not None:
        assert all(int(part) < 2**64 for part in place.stream_id.split("-"))
        assert place.number < 2**63


@pytest.mark.parametrize("payload", [*RUBBISH, b"VPC1", b"VPC1\xff\xff\xff\xff" + b"x" * 99])
def test_a_picture_is_one_or_none(payload: bytes) -> None:
    """No bytes of the channel end who takes pictures."""
    assert unpack_preview(payload) is None


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_no_value_is_a_mutation_by_chance(value: Any) -> None:
    """The values that are put in can be written into a document."""
    assert json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
