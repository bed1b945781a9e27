"""What of an event a narrator is told: few facts, none of them long, none of them believed."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from typing import Any

from vision.config.narration import NarrationSettings
from vision.domain.event import EventMessage
from vision.narration.links import is_clickable


def is_wanted(event: EventMessage, settings: NarrationSettings) -> bool:
    """Whether ``settings`` ask for a sentence on this message of an event."""
    return (
        event.type in settings.types
        and _in(event.camera, settings.cameras)
        and _in(event.label, settings.labels)
        and (
            settings.zones is None
            or not {*event.zones.entered, *event.zones.current}.isdisjoint(settings.zones)
        )
    )


def _in(name: str, names: tuple[str, ...] | None) -> bool:
    return names is None or name in names


_MOST_NAMES = 8
_LONGEST_NAME = 48
_MARKS = re.compile(r"[^\w\s-]")
_MARKS_AND_DIGITS = re.compile(r"[^\w\s-]|\d")


@dataclass(frozen=True, slots=True)
class Facts:
    """An event message for a narrator; times are of the clock on the wall, ``HH:MM``.

    Attributes:
        camera: Its name.
        happened: ``appeared``, ``stays`` or ``left``; ``lost`` where the camera went away.
        object: The label of the model.
        first_seen: When the object was first seen.
        last_seen: When it was last seen.
        duration_s: Between the two, whole seconds.
        zones: Those it was in, by order of entry.
        crossings: Lines it crossed, and which way: ``gate in``.
        stands_still: Whether it does not move.
        watched_all_the_time: False if nobody looked for a while.
    """

    camera: str
    happened: str
    object: str
    first_seen: str
    last_seen: str
    duration_s: int
    zones: tuple[str, ...]
    crossings: tuple[tuple[str, str], ...]
    stands_still: bool
    watched_all_the_time: bool

    def as_json(self) -> dict[str, Any]:
        """The same for a document."""
        return asdict(self)


def facts_of(event: EventMessage, zone: tzinfo) -> Facts:
    """The facts of ``event``; names are cut, and hold no control characters."""
    return Facts(
        camera=_plain(event.camera),
        happened=_happened(event),
        object=_plain(event.label),
        first_seen=_clock(event.time.started, zone),
        last_seen=_clock(event.time.seen, zone),
        duration_s=round(event.duration_s),
        zones=tuple(map(_plain, event.zones.entered[:_MOST_NAMES])),
        crossings=tuple(
            (_plain(crossing.line), _plain(crossing.direction))
            for crossing in event.lines[-_MOST_NAMES:]
        ),
        stands_still=event.stationary,
        watched_all_the_time=not event.gaps,
    )


def _happened(event: EventMessage) -> str:
    if event.type == "new":
        return "appeared"
    if event.type == "end":
        return "left" if event.end == "left" else "lost"
    return "stays"


def _clock(moment: str, zone: tzinfo) -> str:
    try:
        return f"{datetime.fromisoformat(moment).astimezone(zone):%H:%M}"
    except (ValueError, OverflowError):
        return "--:--"


def _plain(text: str) -> str:
    """A foreign name on one short line: letters, digits, marks and single spaces."""
    kept = "".join(
        " " if unicodedata.category(character)[0] in "ZC" else character
        for character in unicodedata.normalize("NFC", text[: 4 * _LONGEST_NAME])
    )
    name = " ".join(kept.split())[:_LONGEST_NAME]
    # The template says it as it is: what would become a link in it loses what makes it one.
    for parts in (_MARKS, _MARKS_AND_DIGITS):
        if is_clickable(name):
            name = " ".join(parts.sub(" ", name).split())
    return name
