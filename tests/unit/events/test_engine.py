"""What is told of objects: once each, with what was seen and what was not looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.messages import RUN, status
from tests.support.visits import WalkingPerson, film, frame, rules, tell, told
from vision.domain.event import EventMessage
from vision.domain.message import DetectionMessage
from vision.domain.status import CameraState
from vision.events.engine import EventEngine


def ends(events: list[EventMessage]) -> list[EventMessage]:
    """The last messages of those that ended."""
    return [event for event in events if event.type == "end"]


@pytest.mark.parametrize("fps", [1, 2, 5, 10, 25])
def test_a_visit_is_one_event_at_any_frame_rate(fps: float) -> None:
    """It begins with the first sighting and ends with the last, however many lie between."""
    events = told(film([WalkingPerson(2, 14)], 20, fps))
    assert [event.type for event in events][:1] == ["new"]
    assert len({event.id for event in events}) == 1
    assert [event.revision for event in events] == list(range(len(events)))
    (end,) = ends(events)
    assert end.end == "left"
    assert end.duration_s == 12.0
    assert end.time.ended == end.time.seen
    assert end.gaps == ()
    assert (end.path[0][0], end.path[-1][0]) == (0.1, 0.9)
    assert len(end.path) <= 32


def test_its_id_names_the_frame_that_saw_it_first() -> None:
    """And the object's place in that frame's list."""
    frames = film([WalkingPerson(0, 9, (0.9, 0.9), (0.9, 0.9)), WalkingPerson(2, 9)], 8)
    first, second = (event.id for event in told(frames) if event.type == "new")
    assert first == f"front:{RUN}-1-0"
    assert second == f"front:{RUN}-11-1"


def test_who_meets_somebody_stays_who_they_are() -> None:
    """Two who pass one another closely are two events from end to end."""
    walks = [
        WalkingPerson(0, 10, (0.1, 0.8), (0.9, 0.8)),
        WalkingPerson(0, 10, (0.9, 0.85), (0.1, 0.85)),
    ]
    left, right = ends(told(film(walks, 14)))
    assert [left.path[0][0], left.path[-1][0]] == [0.1, 0.9]
    assert [right.path[0][0], right.path[-1][0]] == [0.9, 0.1]


def test_who_is_half_hidden_for_a_while_is_carried_on() -> None:
    """Unsure sightings begin nothing, and end nothing either."""
    walk = WalkingPerson(0, 10)
    frames = [
        frame(n + 1, n / 5, [replace(walk, score=0.26 if 20 < n < 35 else 0.9)]) for n in range(70)
    ]
    assert len(ends(told(frames))) == 1
    assert told(film([replace(walk, score=0.3)], 12)) == []


def test_a_single_sighting_is_no_visit() -> None:
    """A mistake of the detector's is told to nobody; two a second apart are a visit."""
    assert told(film([WalkingPerson(2, 2.1)], 8)) == []
    still = WalkingPerson(2, 2.5, (0.5, 0.8), (0.5, 0.8))
    assert told(film([still], 9, fps=1)) == []
    assert len(ends(told(film([replace(still, to_s=3)], 9, fps=1)))) == 1


def test_labels_that_are_not_asked_for_are_not_told() -> None:
    """The label is the one that most sightings had."""
    cat = WalkingPerson(0, 5, label="cat")
    assert told(film([cat], 9), rules({"labels": ["person"]})) == []
    frames = film([cat], 9)
    for number in (3, 9):
        dog = replace(frames[number].detections[0], label="dog")
        frames[number] = replace(frames[number], detections=(dog,))
    assert {event.label for event in ends(told(frames))} == {"cat"}


def test_one_object_under_two_labels_is_one_event() -> None:
    """A car and a truck in one place were one thing."""
    frames = film(
        [WalkingPerson(0, 6, label="car"), WalkingPerson(0, 6, label="truck", score=0.6)], 10
    )
    (end,) = ends(told(frames))
    assert end.label == "car"


def test_dwelling_is_waited_for() -> None:
    """Who only passes by is not told of, and who stays is from their first sighting on."""
    patient = rules({"min_dwell_s": 4})
    assert told(film([WalkingPerson(0, 3)], 8), patient) == []
    events = told(film([WalkingPerson(0, 6)], 10), patient)
    assert events[0].duration_s == 4.0
    assert events[0].time.started < events[0].time.seen


def _without(frames: list[DetectionMessage], first: int, last: int) -> list[DetectionMessage]:
    return frames[:first] + frames[last:]


def _gap_of(frames: list[DetectionMessage]) -> tuple[str, int]:
    (end,) = ends(told(frames))
    (gap,) = end.gaps
    assert gap.from_ < gap.until
    return gap.reason, gap.frames


def test_what_was_not_looked_at_is_said() -> None:
    """Each reason by its own sign; the frames are counted where they can be."""
    still = WalkingPerson(0, 12, (0.5, 0.8), (0.5, 0.8))
    frames = film([still], 18)
    later = _without(frames, 20, 40)
    assert _gap_of(later) == ("stream", 20)
    skipped = [*later[:20], replace(later[20], skipped=20), *later[21:]]
    assert _gap_of(skipped) == ("skipped", 20)
    gated = [
        replace(message, seq=message.seq - (20 if n >= 20 else 0), gated=20 if n >= 20 else 0)
        for n, message in enumerate(later)
    ]
    assert _gap_of(gated) == ("gated", 20)
    new_run = [
        replace(message, run=str(RUN + 1), seq=message.seq - 40) if n >= 20 else message
        for n, message in enumerate(later)
    ]
    assert _gap_of(new_run) == ("camera", 0)


def test_a_camera_that_was_away_and_came_back_in_time_goes_on() -> None:
    """The status is why; seconds away are no seconds of looking without seeing."""
    frames = film([WalkingPerson(0, 20, (0.5, 0.8), (0.5, 0.8))], 30)
    engine = EventEngine("front", rules())
    events = list(tell(engine, frames[:20]))
    engine.on_status(replace(status(CameraState.STALLED), run=str(RUN)))
    rest = [replace(m, skipped=30 if m.seq == 51 else 0) for m in frames[50:]]
    events += tell(engine, rest)
    (end,) = ends([event for _, event in events])
    assert end.gaps[0].reason == "camera"
    assert end.duration_s == 20.0


def test_a_camera_that_came_back_too_late_ended_its_events() -> None:
    """When the event ended, it was last seen before that."""
    frames = film([WalkingPerson(0, 60, (0.5, 0.8), (0.5, 0.8))], 60)
    events = told(_without(frames, 20, 150))
    assert [event.end for event in ends(events)] == ["camera"]
    assert len([event for event in events if event.type == "new"]) == 2


def test_a_look_after_a_gap_is_not_enough_to_say_that_somebody_left() -> None:
    """One frame without them, and they were only hidden for it."""
    still = WalkingPerson(0, 30, (0.5, 0.8), (0.5, 0.8))
    frames = film([still], 20, fps=1)
    gated = [replace(m, seq=n + 1, gated=n * 4) for n, m in enumerate(frames)]
    slow = [replace(m, detections=() if n == 8 else m.detections) for n, m in enumerate(gated)]
    assert ends(told(slow)) == []


def test_silence_ends_events_by_its_cause() -> None:
    """Of the camera after ``away_s``; under ``on_change`` an empty frame speaks for the rest."""
    engine = EventEngine("front", rules())
    list(tell(engine, film([WalkingPerson(0, 9)], 4)))
    assert engine.on_silence(14.9, "t") == []
    ((_, end),) = engine.on_silence(15.1, "t")
    assert end.end == "camera"
    assert engine.on_silence(20.0, "t") == []
    quiet = EventEngine("front", replace(rules(), keeps_back_empty=True))
    list(tell(quiet, film([WalkingPerson(0, 3)], 4)[:17]))
    assert quiet.on_silence(1.0, "t") == []
    ((_, end),) = quiet.on_silence(2.5, "t")
    assert end.end == "left"


@pytest.mark.parametrize("step_s", [-7200, 7200])
def test_a_clock_that_is_set_disturbs_nothing(step_s: int) -> None:
    """The camera's jumps, ours does not: seconds go on as before."""
    frames = film([WalkingPerson(0, 10)], 14)
    moved = [
        replace(m, time=replace(frame(m.seq, m.seq / 5 + step_s).time, received=m.time.received))
        if m.seq > 25
        else m
        for m in frames
    ]
    (end,) = ends(told(moved))
    assert end.duration_s == pytest.approx(10.0, abs=0.3)
    assert end.gaps == ()


def test_a_run_that_is_older_than_the_one_before_ends_all() -> None:
    """Both clocks went back: what was known cannot be compared with what comes."""
    first = film([WalkingPerson(0, 30)], 4)
    second = film(
        [WalkingPerson(0, 30)], 4, run=RUN + 1, began_ns=RUN * 1_000_000 - 3_600_000_000_000
    )
    events = told([*first, *second])
    assert [event.end for event in ends(events)] == ["run"]


def test_updates_come_at_their_pace_and_at_once_when_something_happens() -> None:
    """Who stands still is told of ten times less often."""
    door = {"door": [[0.4, 0.5], [0.6, 0.5], [0.6, 1.0], [0.4, 1.0]]}
    events = told(film([WalkingPerson(0, 8)], 12), rules({"update_s": 100}, zones=door))
    assert [event.zones.current for event in events] == [(), ("door",), (), ()]
    assert events[-1].zones.entered == ("door",)
    assert events[-1].zones.dwell_s["door"] == pytest.approx(2.0, abs=0.4)
    still = told(film([WalkingPerson(0, 60, (0.5, 0.8), (0.5, 0.8))], 64))
    assert still[-1].stationary
    assert len(still) < 10


def test_only_what_enters_a_zone_is_told_of() -> None:
    """And stays there for as long as asked."""
    door = {"door": [[0.4, 0.5], [0.6, 0.5], [0.6, 1.0], [0.4, 1.0]]}
    by = rules(zones=door, only_in=["door"], min_dwell_s=1)
    assert told(film([WalkingPerson(0, 8, (0.1, 0.3), (0.9, 0.3))], 12), by) == []
    events = told(film([WalkingPerson(0, 8)], 12), by)
    assert events[0].zones.current == ("door",)
    assert ends(events)


def test_a_line_that_is_crossed_is_told_with_its_direction() -> None:
    """There and back are two crossings; trembling on it is none."""
    by = rules(lines={"gate": [[0.5, 1.0], [0.5, 0.0]]})
    there = told(film([WalkingPerson(0, 8)], 12), by)
    back = told(film([WalkingPerson(0, 8, (0.9, 0.8), (0.1, 0.8))], 12), by)
    assert [crossing.direction for crossing in there[-1].lines] == ["in"]
    assert [crossing.direction for crossing in back[-1].lines] == ["out"]
    trembling = [
        frame(n + 1, n / 5, [WalkingPerson(0, 99, (0.5 + 0.004 * (-1) ** n, 0.8), (0.5, 0.8))])
        for n in range(40)
    ]
    assert all(event.lines == () for event in told(trembling, by))


def test_the_best_sighting_is_kept() -> None:
    """Sure, large and whole; the message names the frame that a picture is to be taken of."""
    frames = film([WalkingPerson(0, 8)], 12)
    sharp = replace(frames[20].detections[0], confidence=1.0, box=(0.46, 0.5, 0.54, 0.82))
    frames[20] = replace(frames[20], detections=(sharp,))
    (end,) = ends(told(frames))
    assert end.best.detection == frames[20].id
    assert end.best.box == sharp.box


def test_a_frame_that_comes_twice_changes_nothing() -> None:
    """As after a resend or when two readers overlap."""
    frames = film([WalkingPerson(0, 6)], 10)
    twice = [message for message in frames for _ in range(2)]
    assert told(twice) == told(frames)
