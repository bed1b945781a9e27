"""Event messages for tests, and a strategy that makes them up."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from tests.support.messages import RUN
from vision.domain.event import (
    EVENTS_SCHEMA,
    Direction,
    EndReason,
    EventBest,
    EventCrossing,
    EventGap,
    EventMessage,
    EventTime,
    EventType,
    EventZones,
    GapReason,
)
from vision.domain.frame import ClockSource
from vision.domain.message import utc_text

_BOX = (0.216, 0.458, 0.279, 0.648)


def event(
    revision: int = 0,
    *,
    camera: str = "front",
    number: int = 1,
    kind: EventType = EventType.NEW,
    end: EndReason | None = None,
    label: str = "person",
    zones: tuple[str, ...] = (),
    snapshot: str | None = None,
) -> EventMessage:
    """One message of the event that detection message ``number`` began."""
    started_ns = RUN * 1_000_000 + number * 200_000_000
    started, seen = utc_text(started_ns), utc_text(started_ns + revision * 1_000_000_000)
    return EventMessage(
        schema=EVENTS_SCHEMA,
        id=f"{camera}:{RUN}-{number}-0",
        camera=camera,
        type=kind.value,
        revision=revision,
        label=label,
        confidence=0.87,
        time=EventTime(started, seen, seen if end else None, "rtcp", seen),
        duration_s=float(revision),
        box=_BOX,
        best=EventBest(f"{camera}:{RUN}-{number}", started, 0.91, _BOX, snapshot),
        zones=EventZones(zones, zones, dict.fromkeys(zones, float(revision))),
        lines=(),
        path=((0.2475, 0.648),),
        stationary=False,
        gaps=(),
        end=end.value if end else None,
    )


def strange_events() -> st.SearchStrategy[EventMessage]:
    """Events with all that the contract allows in them."""
    share, seconds = st.floats(0, 1), st.floats(0, 1e9)
    box = st.tuples(share, share, share, share)
    word = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
    name = st.lists(word, min_size=1, max_size=3).map("-".join)
    names = st.lists(name, max_size=3).map(tuple)
    text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
    moment = st.integers(0, 4_000_000_000 * 10**9).map(utc_text)
    best = st.builds(
        EventBest, detection=text, at=moment, confidence=share, box=box, snapshot=st.none() | text
    )
    crossing = st.builds(EventCrossing, name, st.sampled_from(_values(Direction)), moment)
    gap = st.builds(
        EventGap, moment, moment, st.sampled_from(_values(GapReason)), st.integers(0, 10**9)
    )
    return st.builds(
        EventMessage,
        schema=st.just(EVENTS_SCHEMA),
        id=st.builds("{}:{}-{}-{}".format, name, *[st.integers(1, 10**8)] * 3),
        camera=name,
        type=st.sampled_from(_values(EventType)),
        revision=st.integers(0, 10**9),
        label=text,
        confidence=share,
        time=st.builds(
            EventTime,
            moment,
            moment,
            st.none() | moment,
            st.sampled_from(_values(ClockSource)),
            moment,
        ),
        duration_s=seconds,
        box=box,
        best=best,
        zones=st.builds(EventZones, names, names, st.dictionaries(name, seconds, max_size=3)),
        lines=st.lists(crossing, max_size=3).map(tuple),
        path=st.lists(st.tuples(share, share), max_size=4).map(tuple),
        stationary=st.booleans(),
        gaps=st.lists(gap, max_size=3).map(tuple),
        end=st.none() | st.sampled_from(_values(EndReason)),
    )


def _values(kind: type[EventType | EndReason | GapReason | Direction | ClockSource]) -> list[str]:
    return [member.value for member in kind]
