"""Who is there is counted by label and zone, and nobody is counted for ever."""

from __future__ import annotations

import dataclasses

from tests.support.event_messages import event
from vision.bridges.objects import Presence, PresentObjects, ZoneLabel
from vision.domain.event import EndReason, EventType

ANYWHERE, ANYONE = ZoneLabel(None, "person"), ZoneLabel(None, "all")


def test_a_visit_is_counted_from_its_first_message_to_its_end() -> None:
    """By label, by any label, and in each zone it is in at the time."""
    objects = PresentObjects(60)
    changes = objects.on_event(event(zones=("door", "door")))
    one = Presence(1, 1)
    assert changes == {
        ANYWHERE: one,
        ANYONE: one,
        ZoneLabel("door", "person"): one,
        ZoneLabel("door", "all"): one,
    }
    assert objects.on_event(event(1, kind=EventType.UPDATE, zones=("door",))) == {}
    assert objects.on_event(event(2, kind=EventType.UPDATE)) == {
        ZoneLabel("door", "person"): Presence(),
        ZoneLabel("door", "all"): Presence(),
    }
    other = objects.on_event(event(number=2, label="dog"))
    assert other == {ZoneLabel(None, "dog"): one, ANYONE: Presence(2, 2)}
    changes = objects.on_event(event(3, kind=EventType.END, end=EndReason.LEFT))
    assert changes == {ANYWHERE: Presence(), ANYONE: one}


def test_what_stands_still_is_there_and_not_active() -> None:
    """As Frigate counts it."""
    objects = PresentObjects(60)
    still = dataclasses.replace(event(), stationary=True)
    assert objects.on_event(still)[ANYWHERE] == Presence(1, 0)


def test_an_end_without_a_beginning_changes_nothing() -> None:
    """Of an event whose earlier messages were trimmed."""
    objects = PresentObjects(60)
    assert objects.on_event(event(3, kind=EventType.END, end=EndReason.LEFT)) == {}


def test_what_nobody_tells_of_any_more_is_let_go() -> None:
    """The role that told of it may be gone."""
    now_s = [0.0]
    objects = PresentObjects(60, lambda: now_s[0])
    objects.on_event(event())
    now_s[0] = 59
    objects.on_event(event(number=2))
    assert objects.forget_stale() == {}
    now_s[0] = 61
    assert objects.forget_stale()["front"][ANYWHERE] == Presence(1, 1)
    now_s[0] = 120
    assert objects.forget_stale()["front"][ANYWHERE] == Presence()
    assert objects.forget_stale() == {}


def test_a_flood_is_bounded() -> None:
    """Of objects and of labels that nobody has heard of."""
    objects = PresentObjects(60)
    for number in range(600):
        objects.on_event(event(number=number, label=f"label {number}"))
    assert objects.places("front")[ANYONE].objects == 500
    assert len(objects.places("front")) == 200
