"""A camera's messages in, its events out: the same messages always give the same events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

from vision.domain.contract import Count, InRange
from vision.domain.event import EndReason, EventMessage, EventType, GapReason
from vision.domain.message import DetectionMessage, StatusMessage
from vision.events.rules import Rules
from vision.events.timeline import Elapsed, Timeline
from vision.events.tracker import Track, associate
from vision.events.visit import Visit

# Messages that one frame may cause: 3000 detections each end, begin and change something.
_PER_FRAME = 10_000
_STILL_UPDATES = 10
# A first sighting that nothing follows was a mistake of the detector's.
_CANDIDATE_LOST_S = 1.0
_LEAST_MISSES = 2
# Who was on the way out of the picture went out; the next one may come in at the same place.
_OUTSIDE = 0.5
_CONFIRMING_SIGHTINGS = 2


class EmittedEvent(NamedTuple):
    """A message, and the id under which it is to stand on the stream."""

    stream_id: str
    message: EventMessage


@dataclass(slots=True)
class EngineState:
    """All that is known of a camera; it can be written down and taken up by another worker."""

    timeline: Timeline
    visits: tuple[Visit, ...] = ()
    next_track: Count = 0
    told_of_frame: Annotated[int, InRange(0, _PER_FRAME)] = 0


class EventEngine:
    """Tracks the objects of one camera; pure: time comes with messages and calls."""

    def __init__(self, camera: str, rules: Rules, state: EngineState | None = None) -> None:
        self._camera = camera
        self._rules = rules
        self.state = state or EngineState(Timeline())
        self.newest_gap: GapReason | None = None

    def retune(self, rules: Rules) -> None:
        """Go by ``rules`` from the next frame on."""
        self._rules = rules

    @property
    def open_events(self) -> int:
        """Events that were told of and have not ended."""
        return sum(visit.told > 0 for visit in self.state.visits)

    @staticmethod
    def frame_of(stream_id: str) -> tuple[int, int]:
        """Run and number of the frame after which a message of this id was told."""
        run, _, number = stream_id.partition("-")
        return int(run), int(number) // _PER_FRAME

    def on_status(self, status: StatusMessage) -> None:
        """Note whether the camera delivers."""
        self.state.timeline.note(status)

    def on_detections(self, frame: DetectionMessage, published: str) -> list[EmittedEvent]:
        """What a frame changes; ``published`` is the time that its messages carry."""
        state, rules = self.state, self._rules
        if state.timeline.is_known(frame):
            return []
        before = replace(state.timeline)
        passed = state.timeline.advance(frame, keeps_back_empty=rules.keeps_back_empty)
        self.newest_gap = GapReason(passed.gap.reason) if passed.gap else None
        told: list[EmittedEvent] = []
        if passed.went_back:
            told += self._end_all(EndReason.RUN, published, before)
        elif passed.seconds > rules.away_s:
            told += self._end_all(EndReason.CAMERA, published, before)
        state.told_of_frame = 0
        self._associate(frame, passed)
        told += self._emit(published)
        return told

    def on_silence(self, seconds: float, published: str) -> list[EmittedEvent]:
        """What it changes that no frame has come for ``seconds``."""
        last = self.state.timeline.last
        if last is None:
            return []
        if self._rules.keeps_back_empty and last.is_empty and not self.state.timeline.is_away:
            # The frames that nobody is told of have nothing in them.
            gone = [v for v in self.state.visits if v.unseen_s + seconds > self._rules.lost_s]
            return self._end(gone, EndReason.LEFT, published, self.state.timeline)
        if seconds > self._rules.away_s:
            return self._end_all(EndReason.CAMERA, published, self.state.timeline)
        return []

    def reset(self, published: str) -> list[EmittedEvent]:
        """End all events: what comes next has nothing to do with what was."""
        told = self._end_all(EndReason.RUN, published, self.state.timeline)
        self.state.timeline = Timeline(is_away=self.state.timeline.is_away)
        return told

    def adopt(self, told: Mapping[str, EventMessage], published: str) -> list[EmittedEvent]:
        """Carry on what was told before by somebody whose state is lost.

        ``told`` is the last message of each event that has not ended. What was found again goes
        on under its number, the others end.
        """
        found = {visit.id: visit for visit in self.state.visits}
        ended: list[EmittedEvent] = []
        for event_id, message in told.items():
            if event_id in found:
                found[event_id].told = message.revision + 1
                found[event_id].shot = message.best if message.best.snapshot else None
                continue
            seen = max(message.time.started, message.time.seen)
            end = replace(
                message,
                type=EventType.END.value,
                revision=message.revision + 1,
                time=replace(message.time, seen=seen, ended=seen, published=published),
                end=EndReason.RUN.value,
            )
            ended.append(EmittedEvent(self._next_id(self.state.timeline), end))
        return ended

    def _associate(self, frame: DetectionMessage, passed: Elapsed) -> None:
        state, rules = self.state, self._rules
        now_s = state.timeline.now_s
        aspect = frame.frame.width / max(frame.frame.height, 1)
        tracks = [visit.track for visit in state.visits]
        for track in tracks:
            track.predict(passed.seconds, aspect)
        mine, nobodys = associate(tracks, frame.detections, rules.confidence)
        for index, visit in enumerate(state.visits):
            if passed.gap is not None:
                visit.add_gap(passed.gap, now_s, passed.seconds)
            seen = frame.detections[mine[index]] if index in mine else None
            if seen is None:
                visit.track.is_fresh = False
                visit.miss(passed.seconds, rules, was_gap=passed.gap is not None)
            else:
                visit.track.update(seen, aspect)
                visit.sight(frame, seen, now_s, rules)
        begun: list[Visit] = []
        for index in nobodys:
            track = Track.begun(state.next_track, frame.detections[index], aspect)
            state.next_track += 1
            begun.append(Visit.begun(track, frame, index, now_s, rules))
        state.visits += tuple(begun)

    def _emit(self, published: str) -> list[EmittedEvent]:
        timeline = self.state.timeline
        told = self._end(
            [visit for visit in self.state.visits if self._has_left(visit)],
            EndReason.LEFT,
            published,
            timeline,
        )
        for visit in self.state.visits:
            if visit.misses:
                continue
            if not visit.told:
                if self._is_wanted(visit):
                    told.append(self._message(visit, EventType.NEW, published, None, timeline))
            elif visit.news or timeline.now_s - visit.told_s >= self._period_s(visit):
                told.append(self._message(visit, EventType.UPDATE, published, None, timeline))
        return told

    def _has_left(self, visit: Visit) -> bool:
        lost_s = self._rules.lost_s
        if not visit.told and not self._is_confirmed(visit):
            lost_s = min(lost_s, _CANDIDATE_LOST_S)
        if visit.track.is_outside:
            lost_s *= _OUTSIDE
        return visit.misses >= _LEAST_MISSES and visit.unseen_s >= lost_s

    def _is_confirmed(self, visit: Visit) -> bool:
        rules = self._rules
        span_s = visit.seen_s - visit.started_s
        return visit.sightings >= rules.confirm_sightings or (
            visit.sightings >= _CONFIRMING_SIGHTINGS and span_s >= rules.confirm_s
        )

    def _is_wanted(self, visit: Visit) -> bool:
        rules = self._rules
        if not self._is_confirmed(visit):
            return False
        if rules.labels is not None and visit.label not in rules.labels:
            return False
        if rules.only_in is None:
            return visit.seen_s - visit.started_s >= rules.min_dwell_s
        stays = [visit.zones[name] for name in rules.only_in if name in visit.zones]
        return any(
            stay.entered_s is not None and stay.dwell_s >= rules.min_dwell_s for stay in stays
        )

    def _period_s(self, visit: Visit) -> float:
        return self._rules.update_s * (_STILL_UPDATES if visit.was_still else 1)

    def _end_all(self, reason: EndReason, published: str, timeline: Timeline) -> list[EmittedEvent]:
        return self._end(self.state.visits, reason, published, timeline)

    def _end(
        self,
        visits: tuple[Visit, ...] | list[Visit],
        reason: EndReason,
        published: str,
        timeline: Timeline,
    ) -> list[EmittedEvent]:
        gone = {visit.id for visit in visits}
        self.state.visits = tuple(visit for visit in self.state.visits if visit.id not in gone)
        return [
            self._message(visit, EventType.END, published, reason, timeline)
            for visit in visits
            if visit.told
        ]

    def _message(
        self,
        visit: Visit,
        kind: EventType,
        published: str,
        end: EndReason | None,
        timeline: Timeline,
    ) -> EmittedEvent:
        message = visit.message(self._camera, kind, timeline.now_s, published, end)
        return EmittedEvent(self._next_id(timeline), message)

    def _next_id(self, timeline: Timeline) -> str:
        """After all ids of the frame before, and before those of the next one."""
        run, seq = (timeline.last.run, timeline.last.seq) if timeline.last else ("0", 0)
        self.state.told_of_frame += 1
        return f"{run}-{seq * _PER_FRAME + self.state.told_of_frame}"
