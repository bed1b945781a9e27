"""One object's visit: what its sightings add up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from vision.domain.contract import (
    Count,
    EventId,
    Label,
    Length,
    Seconds,
    ShapeName,
    Share,
    SourceName,
    UtcText,
)
from vision.domain.event import (
    EVENTS_SCHEMA,
    Box,
    EndReason,
    EventBest,
    EventCrossing,
    EventGap,
    EventMessage,
    EventTime,
    EventType,
    EventZones,
)
from vision.domain.message import DetectionMessage, MessageDetection
from vision.events.rules import Rules
from vision.events.timeline import later_than
from vision.events.tracker import Track
from vision.events.zones import DwellState, LineSide, Spot, ZoneStay, entered, foot_of, stays_after

_MOST_POINTS = 32
_MOST_NOTES = 32
_POINTS_EVERY_S = 0.5
# A picture has to be that much better to take the place of the best one.
BETTER = 1.1
# A box at the frame's edge shows a part of the object only.
_EDGE = 0.005
_CUT_OFF = 0.6
_DECIMALS = 4


def _joined(gaps: tuple[EventGap, ...], gap: EventGap) -> tuple[EventGap, ...]:
    """With one more at the end; two that touch and have one reason are one."""
    last = gaps[-1] if gaps else None
    if last is not None and (last.until, last.reason) == (gap.from_, gap.reason):
        longer = replace(last, until=gap.until, frames=last.frames + gap.frames)
        return (*gaps[:-1], longer)
    return (*gaps, gap)[-_MOST_NOTES:]


@dataclass(slots=True)
class Visit:
    """What is known of an object from its first sighting on.

    Attributes:
        id: The event's.
        track: Where it is.
        weights: Confidence of all sightings by label.
        started: Time of the first sighting, and ``started_s`` on the timeline.
        seen: Time of the newest sighting, and ``seen_s`` on the timeline.
        source: Whose clock those are.
        confidence: Of the newest sighting, with its ``box``.
        best: The sighting that shows it best, which was worth ``best_worth``.
        sightings: How many there were.
        unseen_s: Seconds of looking since the newest one, in ``misses`` frames.
        unlooked_s: Seconds since then that nobody looked, with their ``new_gaps``.
        told: Messages of it so far; ``told_s`` is when the last one was, on the timeline.
        news: Whether something happened that is worth a message now.
        shot: The best sighting of which a picture is kept, None without any.
    """

    id: EventId
    track: Track
    weights: Annotated[Mapping[Label, Seconds], Length(1, 1000)]
    started: UtcText
    started_s: Seconds
    seen: UtcText
    seen_s: Seconds
    source: SourceName
    confidence: Share
    box: Box
    best: EventBest
    best_worth: float
    rest: DwellState
    zones: Mapping[ShapeName, ZoneStay]
    lines: Mapping[ShapeName, LineSide]
    path: Annotated[tuple[Spot, ...], Length(1, _MOST_POINTS)]
    path_every_s: Seconds = _POINTS_EVERY_S
    path_s: float = 0.0
    crossings: Annotated[tuple[EventCrossing, ...], Length(0, _MOST_NOTES)] = ()
    gaps: Annotated[tuple[EventGap, ...], Length(0, _MOST_NOTES)] = ()
    sightings: Count = 1
    unseen_s: Seconds = 0.0
    misses: Count = 0
    unlooked_s: Seconds = 0.0
    new_gaps: Annotated[tuple[EventGap, ...], Length(0, _MOST_NOTES)] = ()
    told: Count = 0
    told_s: float = 0.0
    was_still: bool = False
    news: bool = False
    shot: EventBest | None = None

    @classmethod
    def begun(
        cls,
        track: Track,
        frame: DetectionMessage,
        index: int,
        now_s: float,
        rules: Rules,
    ) -> Visit:
        """From its first sighting, which is number ``index`` of the frame's detections."""
        seen, at = frame.detections[index], frame.time.captured
        spot = foot_of(seen.box)
        visit = cls(
            id=f"{frame.id}-{index}",
            track=track,
            weights={seen.label: seen.confidence},
            started=at,
            started_s=now_s,
            seen=at,
            seen_s=now_s,
            source=frame.time.source,
            confidence=seen.confidence,
            box=seen.box,
            best=EventBest(frame.id, at, seen.confidence, seen.box, None),
            best_worth=snapshot_score(seen.confidence, seen.box),
            rest=DwellState.at(seen.box, now_s),
            zones={},
            lines={},
            path=(spot,),
            path_s=now_s,
        )
        visit._place(spot, at, now_s, 0.0, rules)
        return visit

    @property
    def label(self) -> str:
        """What most of its sightings were called, weighed by confidence."""
        return max(self.weights, key=lambda name: (self.weights[name], name))

    def sight(
        self, frame: DetectionMessage, seen: MessageDetection, now_s: float, rules: Rules
    ) -> None:
        """Take a sighting in."""
        spot = foot_of(seen.box)
        # A clock that is put back meanwhile does not put the visit back.
        at = later_than(self.seen, frame.time.captured, now_s - self.seen_s)
        self.weights = {
            **self.weights,
            seen.label: self.weights.get(seen.label, 0.0) + seen.confidence,
        }
        for gap in self.new_gaps:
            self.gaps = _joined(self.gaps, gap)
        self._place(spot, at, now_s, now_s - self.seen_s, rules)
        self.seen, self.seen_s, self.source = at, now_s, frame.time.source
        self.confidence, self.box = seen.confidence, seen.box
        self.sightings += 1
        self.unseen_s = self.unlooked_s = 0.0
        self.misses, self.new_gaps = 0, ()
        worth = snapshot_score(seen.confidence, seen.box)
        if worth > self.best_worth * BETTER:
            self.best = EventBest(frame.id, at, seen.confidence, seen.box, None)
            self.best_worth = worth
        if now_s - self.path_s >= self.path_every_s:
            self.path, self.path_s = (*self.path, spot), now_s
            if len(self.path) == _MOST_POINTS:
                self.path, self.path_every_s = self.path[::2], self.path_every_s * 2
        self.rest = self.rest.seen(seen.box, now_s)
        is_still = self.rest.is_still(now_s)
        self.news |= is_still != self.was_still
        self.was_still = is_still

    def miss(self, seconds: float, rules: Rules, *, was_gap: bool) -> None:
        """A frame was looked at that does not show it.

        After a gap one look is not enough: of its length counts less than half of what it takes
        to have left.
        """
        self.unseen_s += min(seconds, rules.lost_s * 0.45) if was_gap else seconds
        self.misses += 1

    def add_gap(self, gap: EventGap, now_s: float, seconds: float) -> None:
        """Nobody looked for ``seconds`` up to now; told of once the object is seen again."""
        self.unlooked_s += seconds
        from_ = later_than(self.seen, gap.from_, max(0.0, now_s - seconds - self.seen_s))
        gap = replace(gap, from_=from_, until=later_than(from_, gap.until, seconds))
        self.new_gaps = _joined(self.new_gaps, gap)

    def message(
        self, camera: str, kind: EventType, now_s: float, published: str, end: EndReason | None
    ) -> EventMessage:
        """What there is to tell, which counts as told from now on."""
        revision, self.told, self.told_s, self.news = self.told, self.told + 1, now_s, False
        foot = foot_of(self.box)
        path = self.path if self.path[-1] == foot else (*self.path, foot)
        return EventMessage(
            schema=EVENTS_SCHEMA,
            id=self.id,
            camera=camera,
            type=kind.value,
            revision=revision,
            label=self.label,
            confidence=self.confidence,
            time=EventTime(
                self.started, self.seen, self.seen if end else None, self.source, published
            ),
            duration_s=round(max(0.0, self.seen_s - self.started_s), 3),
            box=self.box,
            best=self.shot or self.best,
            zones=EventZones(
                tuple(name for name, stay in self.zones.items() if stay.is_in),
                entered(self.zones),
                {name: round(self.zones[name].dwell_s, 3) for name in entered(self.zones)},
            ),
            lines=self.crossings,
            path=tuple((round(x, _DECIMALS), round(y, _DECIMALS)) for x, y in path),
            stationary=self.was_still,
            gaps=self.gaps,
            end=end.value if end else None,
        )

    def _place(self, spot: Spot, at: str, now_s: float, since_s: float, rules: Rules) -> None:
        inside_before = {name for name, stay in self.zones.items() if stay.is_in}
        self.zones = stays_after(
            self.zones,
            rules.zones,
            spot,
            now_s=now_s,
            since_s=since_s,
            looked_s=max(0.0, since_s - self.unlooked_s),
        )
        self.news |= inside_before != {name for name, stay in self.zones.items() if stay.is_in}
        sides: dict[str, LineSide] = {}
        for name, line in rules.lines.items():
            sides[name], way = self.lines.get(name, LineSide()).seen(spot, line)
            if way is not None:
                crossing = EventCrossing(name, way.value, at)
                self.crossings = (*self.crossings, crossing)[-_MOST_NOTES:]
                self.news = True
        self.lines = sides


def snapshot_score(confidence: float, box: Box) -> float:
    """How well a box would show the object in a picture."""
    left, top, right, bottom = box
    is_cut_off = min(left, top, 1 - right, 1 - bottom) < _EDGE
    area = max((right - left) * (bottom - top), 1e-8)
    return confidence * float(area**0.25) * (_CUT_OFF if is_cut_off else 1.0)
