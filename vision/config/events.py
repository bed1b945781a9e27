"""What is told of objects: when an event begins and ends, and the zones and lines of a camera."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from vision.config.base import SettingsModel, no_truth_value


class SnapshotSettings(SettingsModel):
    """A picture of each event, kept for a while."""

    enabled: bool = Field(False, description="keep a picture of the best frame of each event")
    dir: Path = Field(
        Path("data/snapshots"),
        description="folder of these pictures, which show people: nobody else should read it",
    )
    max_age_days: float = Field(
        7.0, gt=0, le=3650, description="older pictures are removed; days since they were taken"
    )
    max_mib: int = Field(
        1024, ge=1, le=16_777_216, description="room for all of them; the oldest make way first"
    )


_NAME = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
_NAME_LENGTH = 63
_LEAST_POINTS = 3
# Each edge is compared with each other one, and each sighting with all of them.
_MOST_POINTS = 200
_LEAST_AREA = 1e-4

Share: TypeAlias = Annotated[float, BeforeValidator(no_truth_value), Field(ge=0, le=1)]
Point: TypeAlias = tuple[Share, Share]


def _place_name(name: str) -> str:
    if len(name) > _NAME_LENGTH or not _NAME.fullmatch(name):
        raise ValueError(
            "the name of a zone or line becomes part of messages and topics: use up to "
            f"{_NAME_LENGTH} of a-z, 0-9 and single '-' or '_' between them"
        )
    return name


def _polygon(points: tuple[Point, ...]) -> tuple[Point, ...]:
    if len(points) < _LEAST_POINTS:
        raise ValueError(
            f"a zone has {len(points)} points: name at least 3 as [[x, y], …], shares 0 to 1 of "
            "the picture's width and height"
        )
    if len(points) > _MOST_POINTS:
        raise ValueError(f"a zone has {len(points)} points: name at most {_MOST_POINTS}")
    edges = list(itertools.pairwise([*points, points[0]]))
    if any(one == other for one, other in edges):
        raise ValueError("a zone names a point twice in a row: remove one of them")
    for first, second in itertools.combinations(range(len(edges)), 2):
        are_neighbours = second - first in (1, len(edges) - 1)
        if not are_neighbours and segments_meet(*edges[first], *edges[second]):
            raise ValueError(
                f"a zone's edge from point {first + 1} crosses the one from point {second + 1}: "
                "name the points in the order of its outline"
            )
    area = abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in edges)) / 2
    if area < _LEAST_AREA:
        raise ValueError("a zone has no area: its points lie on one line")
    return points


def _line(points: tuple[Point, Point]) -> tuple[Point, Point]:
    if points[0] == points[1]:
        raise ValueError("a line has the same point twice: name two that differ")
    return points


def side_of(first: Point, second: Point, point: Point) -> float:
    """Positive where ``point`` is to the right of the way from ``first`` to ``second``, as seen.

    Twice the area of the triangle: divided by the length of the way it is the distance from it.
    """
    return (second[0] - first[0]) * (point[1] - first[1]) - (second[1] - first[1]) * (
        point[0] - first[0]
    )


def segments_meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the way from ``a`` to ``b`` and that from ``c`` to ``d`` have a point in common."""
    sides = (side_of(a, b, c), side_of(a, b, d), side_of(c, d, a), side_of(c, d, b))
    if sides[0] * sides[1] < 0 and sides[2] * sides[3] < 0:
        return True
    ends = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(side == 0 and _is_between(*end) for side, end in zip(sides, ends, strict=True))


def _is_between(first: Point, second: Point, point: Point) -> bool:
    return all(
        min(one, other) <= value <= max(one, other)
        for one, other, value in zip(first, second, point, strict=True)
    )


PlaceName: TypeAlias = Annotated[str, AfterValidator(_place_name)]
Polygon: TypeAlias = Annotated[tuple[Point, ...], AfterValidator(_polygon)]
Line: TypeAlias = Annotated[tuple[Point, Point], AfterValidator(_line)]


class EventSettings(SettingsModel):
    """When an event begins and ends, and how often it is told of."""

    enabled: bool = Field(
        False, description="track in `vision run` too; `vision events` does in any case"
    )
    labels: tuple[str, ...] | None = Field(
        None, description="labels to tell events of; default: all the model knows"
    )
    confidence: float = Field(
        0.4,
        ge=0,
        le=1,
        description="least confidence of a sighting that can begin an event; down to "
        "`model.confidence`, others carry one on",
    )
    confirm_sightings: int = Field(
        3, ge=1, le=100, description="sightings after which an object is told of"
    )
    confirm_s: float = Field(
        1.0,
        ge=0,
        le=3600,
        description="seconds between two sightings that are as good as those",
    )
    lost_s: float = Field(
        2.0,
        gt=0,
        le=3600,
        description="seconds of looking without seeing it after which an object has left",
    )
    away_s: float = Field(
        15.0,
        gt=0,
        le=86_400,
        description="seconds without any frame after which a camera's events end",
    )
    min_dwell_s: float = Field(
        0.0,
        ge=0,
        le=86_400,
        description="seconds an object must stay (in one of `only_in` where that is set) to be told of",
    )
    update_s: float = Field(
        2.0,
        gt=0,
        le=3600,
        description="seconds between two updates of an event; of what stands still, ten times that",
    )
    stream_max_messages: int = Field(
        10_000,
        ge=100,
        le=10_000_000,
        description="event messages kept per camera for replay (`MAXLEN ~`)",
    )
    snapshots: SnapshotSettings = Field(default_factory=SnapshotSettings, description="see below")


class CameraEventSettings(SettingsModel):
    """Zones and lines of one camera, and what differs from ``events``."""

    enabled: bool = Field(True, description="false tells no events of this camera")
    zones: dict[PlaceName, Polygon] = Field(
        default_factory=dict,
        description="polygons by name, `{door: [[x, y], …]}`: at least 3 points, shares 0 to 1 of "
        "width and height",
    )
    lines: dict[PlaceName, Line] = Field(
        default_factory=dict,
        description="lines by name, `{gate: [[x, y], [x, y]]}`; crossed from its left to its "
        "right, seen from the first point, is `in`",
    )
    only_in: tuple[str, ...] | None = Field(
        None, description="zones an object must enter to be told of; default: anywhere"
    )
    labels: tuple[str, ...] | None = Field(None, description="replaces `events.labels`")
    confidence: float | None = Field(None, ge=0, le=1, description="replaces `events.confidence`")
    lost_s: float | None = Field(None, gt=0, le=3600, description="replaces `events.lost_s`")
    min_dwell_s: float | None = Field(
        None, ge=0, le=86_400, description="replaces `events.min_dwell_s`"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for name in self.only_in or ():
            if name not in self.zones:
                raise ValueError(f"only_in names {name!r}, which is none of its zones: define it")
        return self
