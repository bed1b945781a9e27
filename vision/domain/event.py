"""The message of an event: an object's visit from its first sighting to its last.

Fields and their order are those of the JSON documents, as in :mod:`vision.domain.message`.
A name that is a keyword of Python ends in an underscore here and without one in JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeAlias

from vision.domain.contract import (
    CameraName,
    Count,
    EventId,
    Label,
    Length,
    OneOf,
    Seconds,
    ShapeName,
    Share,
    SourceName,
    Text,
    UtcText,
)

EVENTS_SCHEMA = "vision.events/1"

Box: TypeAlias = tuple[Share, Share, Share, Share]
"""Left, top, right, bottom as shares 0 to 1 of the frame."""


class EventType(StrEnum):
    """What a message says of its event."""

    NEW = "new"
    UPDATE = "update"
    END = "end"


class EndReason(StrEnum):
    """Why an event ended."""

    LEFT = "left"
    """The camera looked for long enough and did not see the object."""
    CAMERA = "camera"
    """The camera went away, or its messages did, and did not come back in time."""
    RUN = "run"
    """What was known of the object could not be carried on: a clock that went back, or a
    worker that found no record of it."""


class GapReason(StrEnum):
    """Why nobody looked for a while."""

    SKIPPED = "skipped"
    """Frames were passed over, because inference was slower than the camera."""
    GATED = "gated"
    """The motion gate held frames back, because nothing moved."""
    CAMERA = "camera"
    """The camera delivered nothing."""
    STREAM = "stream"
    """Messages are missing on the stream: trimmed, or lost."""


class Direction(StrEnum):
    """Which way a line was crossed."""

    IN = "in"
    """From the left of the line to its right, seen from its first point to its last."""
    OUT = "out"


_Notes = Length(0, 32)


@dataclass(frozen=True, slots=True)
class EventTime:
    """When things happened; texts as of :func:`vision.domain.message.utc_text`."""

    started: UtcText
    seen: UtcText
    ended: UtcText | None
    source: SourceName
    published: UtcText


@dataclass(frozen=True, slots=True)
class EventBest:
    """The sighting that shows the object best, and the picture of it if one was kept."""

    detection: Text
    at: UtcText
    confidence: Share
    box: Box
    snapshot: Text | None


@dataclass(frozen=True, slots=True)
class EventZones:
    """Zones the object is in, those it was in by order of entry, and seconds in each."""

    current: tuple[ShapeName, ...]
    entered: tuple[ShapeName, ...]
    dwell_s: Mapping[ShapeName, Seconds]


@dataclass(frozen=True, slots=True)
class EventCrossing:
    """A line that was crossed."""

    line: ShapeName
    direction: Annotated[str, OneOf(frozenset(Direction))]
    at: UtcText


@dataclass(frozen=True, slots=True)
class EventGap:
    """A span inside the event that nobody looked at, and the frames in it as far as known."""

    from_: UtcText
    until: UtcText
    reason: Annotated[str, OneOf(frozenset(GapReason))]
    frames: Count


@dataclass(frozen=True, slots=True)
class EventMessage:
    """What is known of an event at one instant.

    ``id`` is the event's: the id of the detection message that first saw the object, and the
    object's index in it. ``revision`` counts the event's messages from 0. ``path`` is where
    the object stood, the middle of the lower edge of its box, at most 32 points.
    """

    schema: str
    id: EventId
    camera: CameraName
    type: Annotated[str, OneOf(frozenset(EventType))]
    revision: Count
    label: Label
    confidence: Share
    time: EventTime
    duration_s: Seconds
    box: Box
    best: EventBest
    zones: EventZones
    lines: Annotated[tuple[EventCrossing, ...], _Notes]
    path: Annotated[tuple[tuple[Share, Share], ...], _Notes]
    stationary: bool
    gaps: Annotated[tuple[EventGap, ...], _Notes]
    end: Annotated[str, OneOf(frozenset(EndReason))] | None
