"""Zones that an object is in, lines that it crosses, and whether it stands still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from vision.config.events import Line, Polygon, segments_meet, side_of
from vision.domain.contract import Share
from vision.domain.event import Box, Direction

# At low frame rates each sighting counts, at high ones two: boxes tremble at an edge.
_DEBOUNCE_S = 0.5
# How far beyond a line, as a share of the picture, somebody must be to have crossed it.
_BEYOND = 0.01
_STILL_S = 5.0
# Of its own width or height: more than a box trembles, less than a step.
_STILL_WITHIN = 0.25

Spot = tuple[Share, Share]


def foot_of(box: Box) -> Spot:
    """Where an object stands: the middle of the lower edge of its box."""
    return (box[0] + box[2]) / 2, box[3]


def is_inside(spot: Spot, zone: Polygon) -> bool:
    """Whether a spot lies in a polygon, by the number of edges to the right of it."""
    x, y = spot
    inside = False
    for (x1, y1), (x2, y2) in pairwise([*zone, zone[0]]):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


@dataclass(frozen=True, slots=True)
class ZoneStay:
    """An object and a zone.

    Attributes:
        is_in: Whether it counts as inside.
        was_seen_in: Whether the newest sighting was inside.
        dwell_s: Seconds inside so far.
        entered_s: When it was entered first, on the timeline; None if never.
    """

    is_in: bool = False
    was_seen_in: bool = False
    dwell_s: float = 0.0
    entered_s: float | None = None

    def seen(self, *, inside: bool, now_s: float, since_s: float, looked_s: float) -> ZoneStay:
        """After a sighting ``since_s`` after the one before, of which ``looked_s`` were watched."""
        dwell_s = self.dwell_s + (looked_s if inside and self.was_seen_in else 0.0)
        is_sure = inside == self.was_seen_in or since_s >= _DEBOUNCE_S
        is_in = inside if is_sure else self.is_in
        entered_s = self.entered_s
        if is_in and entered_s is None:
            entered_s = now_s
        return ZoneStay(is_in, inside, dwell_s, entered_s)


@dataclass(frozen=True, slots=True)
class LineSide:
    """Where an object was last clearly on one side of a line; side 0 before that."""

    side: int = 0
    spot: Spot = (0.0, 0.0)

    def seen(self, spot: Spot, line: Line) -> tuple[LineSide, Direction | None]:
        """After a sighting at ``spot``: where it is now, and which way it crossed if it did."""
        first, second = line
        length = ((second[0] - first[0]) ** 2 + (second[1] - first[1]) ** 2) ** 0.5
        distance = side_of(first, second, spot) / length
        if abs(distance) < _BEYOND:
            return self, None
        now = LineSide(1 if distance > 0 else -1, spot)
        if self.side in (0, now.side) or not segments_meet(self.spot, spot, first, second):
            return now, None
        return now, Direction.IN if now.side > 0 else Direction.OUT


@dataclass(frozen=True, slots=True)
class DwellState:
    """Since when an object has been in one place."""

    middle: Spot
    since_s: float

    @classmethod
    def at(cls, box: Box, now_s: float) -> DwellState:
        """In the place of ``box`` from now on."""
        return cls(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), now_s)

    def seen(self, box: Box, now_s: float) -> DwellState:
        """After a sighting: the same place, or another one from now on."""
        new = DwellState.at(box, now_s)
        across = abs(new.middle[0] - self.middle[0]) / max(box[2] - box[0], 1e-6)
        down = abs(new.middle[1] - self.middle[1]) / max(box[3] - box[1], 1e-6)
        return self if max(across, down) <= _STILL_WITHIN else new

    def is_still(self, now_s: float) -> bool:
        """Whether that is long enough to say that it stands still."""
        return now_s - self.since_s >= _STILL_S


def entered(stays: Mapping[str, ZoneStay]) -> tuple[str, ...]:
    """The zones that were entered, by order of first entry."""
    order = sorted(
        (stay.entered_s, name) for name, stay in stays.items() if stay.entered_s is not None
    )
    return tuple(name for _, name in order)


def stays_after(
    stays: Mapping[str, ZoneStay],
    zones: Mapping[str, Polygon],
    spot: Spot,
    *,
    now_s: float,
    since_s: float,
    looked_s: float,
) -> dict[str, ZoneStay]:
    """All zones after a sighting at ``spot``."""
    return {
        name: stays.get(name, ZoneStay()).seen(
            inside=is_inside(spot, zone), now_s=now_s, since_s=since_s, looked_s=looked_s
        )
        for name, zone in zones.items()
    } | {
        # Taken out of the settings while the object was there: what was is not denied.
        name: replace(stay, is_in=False, was_seen_in=False)
        for name, stay in stays.items()
        if name not in zones
    }
