"""How well boxes were kept apart, by hand-checked tracks: the CLEAR metrics.

K. Bernardin and R. Stiefelhagen, "Evaluating Multiple Object Tracking Performance", EURASIP Journal on
Image and Video Processing, 2008.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import lap
import numpy as np

from vision.domain.event import Box
from vision.events.tracker import overlaps

# The boxes of the truth are interpolated: half of a person's area is a match.
_SAME = 0.4


@dataclass(frozen=True)
class Person:
    """One visit of the truth.

    Attributes:
        frames: Numbers of the frames that have a box, and ``boxes`` those boxes.
        hidden: First and last frame of spans in which nothing could see them.
    """

    name: str
    frames: Sequence[int]
    boxes: Sequence[Box]
    hidden: Sequence[tuple[int, int]]

    def at(self, frame: int) -> Box | None:
        """The box at a frame, None before and after the visit."""
        if not self.frames[0] <= frame <= self.frames[-1]:
            return None
        sides = zip(*self.boxes, strict=True)
        left, top, right, bottom = (float(np.interp(frame, self.frames, side)) for side in sides)
        return left, top, right, bottom

    def is_hidden(self, frame: int) -> bool:
        """Whether nobody can be expected to see them."""
        return any(first < frame < last for first, last in self.hidden)


@dataclass
class Score:
    """Sums over all frames."""

    truths: int = 0
    misses: int = 0
    false_boxes: int = 0
    switches: int = 0
    fragments: int = 0
    events_of: dict[str, list[str]] = field(default_factory=dict)

    @property
    def mota(self) -> float:
        """Multiple object tracking accuracy."""
        return 1 - (self.misses + self.false_boxes + self.switches) / self.truths


def read_people(path: Path) -> list[Person]:
    """The truth of a file like ``data/vtest_tracks.txt``."""
    people: list[Person] = []
    for block in path.read_text("utf-8").split("\nperson ")[1:]:
        head, *lines = block.strip().splitlines()
        name, *notes = head.split()
        numbers = [[int(word) for word in line.split()] for line in lines]
        boxes = [(a / 1000, b / 1000, c / 1000, d / 1000) for _, a, b, c, d in numbers]
        spans = [note.removeprefix("hidden=").split("-") for note in notes]
        hidden = [(int(first), int(last)) for first, last in spans]
        people.append(Person(name, [row[0] for row in numbers], boxes, hidden))
    return people


def score(people: Sequence[Person], tracked: Mapping[int, Mapping[str, Box]]) -> Score:
    """Compare boxes by event id, frame by frame, with the truth."""
    result = Score(events_of={person.name: [] for person in people})
    last: dict[str, str] = {}
    was_seen: dict[str, bool] = {}
    for frame, boxes in tracked.items():
        present = {p.name: box for p in people if (box := p.at(frame)) is not None}
        hidden = {person.name for person in people if person.is_hidden(frame)}
        found = _matched(present, boxes, last)
        result.false_boxes += len(boxes) - len(found)
        for name in present:
            event = found.get(name)
            if event is None:
                if name not in hidden:
                    result.truths += 1
                    result.misses += 1
                    was_seen[name] = False
                continue
            result.truths += 1
            if name in last and last[name] != event:
                result.switches += 1
            if was_seen.get(name) is False and name in last:
                result.fragments += 1
            last[name], was_seen[name] = event, True
            if event not in result.events_of[name]:
                result.events_of[name].append(event)
    return result


def _matched(
    present: Mapping[str, Box], boxes: Mapping[str, Box], last: Mapping[str, str]
) -> dict[str, str]:
    """Each person's event in a frame: the one from before as long as it fits, else the best."""
    names, events = list(present), list(boxes)
    if not names or not events:
        return {}
    fit = overlaps(
        np.array([present[name] for name in names]), np.array([boxes[event] for event in events])
    )
    found = {
        name: event
        for name, event in last.items()
        if name in present
        and event in boxes
        and fit[names.index(name), events.index(event)] >= _SAME
    }
    rows = [name for name in names if name not in found]
    columns = [event for event in events if event not in found.values()]
    if rows and columns:
        cost = 1 - fit[[names.index(n) for n in rows]][:, [events.index(e) for e in columns]]
        _, choice, _ = lap.lapjv(cost, extend_cost=True, cost_limit=1 - _SAME)
        found |= {rows[row]: columns[column] for row, column in enumerate(choice) if column >= 0}
    return found
