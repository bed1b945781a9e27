"""Whatever clocks do, an event ends after it began, and later messages say later times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.messages import RUN
from tests.support.visits import WalkingPerson, film, rules
from vision.domain.event import EventMessage
from vision.domain.message import DetectionMessage, utc_text
from vision.events.engine import EmittedEvent, EventEngine

_STEP_NS = 200_000_000
_YEAR_S = 366 * 86_400
_FRAMES = 120
# At which frame, whose clock (the camera's, the host's or both), and by how many seconds.
_STEPS = st.lists(
    st.tuples(
        st.integers(1, _FRAMES - 1),
        st.sampled_from(["camera", "host", "both"]),
        st.sampled_from([-10 * _YEAR_S, -86_400, -3600, -30, -3, -0.5, 0.5, 3, 30, 3600, _YEAR_S])
        | st.floats(-7200, 7200),
    ),
    max_size=4,
)
# Frames that nobody is told of, in spans.
_HOLES = st.lists(st.tuples(st.integers(1, _FRAMES), st.integers(1, 25)), max_size=3)


def _scene(steps: Sequence[tuple[int, str, float]]) -> list[DetectionMessage]:
    """Two people and a passer-by, as clocks that are stepped see them."""
    walks = [
        WalkingPerson(0, 18),
        WalkingPerson(3, 20, (0.9, 0.6), (0.1, 0.6)),
        WalkingPerson(8, 11),
    ]
    frames = []
    for index, one in enumerate(film(walks, _FRAMES / 5)):
        moved = {"camera": 0.0, "host": 0.0, "both": 0.0}
        for at, whose, seconds in steps:
            if at <= index:
                moved[whose] += seconds
        now_ns = RUN * 1_000_000 + index * _STEP_NS
        camera = utc_text(now_ns + round((moved["camera"] + moved["both"]) * 1e9))
        host = utc_text(now_ns + round((moved["host"] + moved["both"]) * 1e9))
        time = replace(one.time, captured=camera, received=host, inferred=host, published=host)
        frames.append(replace(one, time=time))
    return frames


def _told(frames: Sequence[DetectionMessage], *, ends_with_silence: bool) -> list[EventMessage]:
    zone = [(0.3, 0.0), (0.7, 0.0), (0.7, 1.0), (0.3, 1.0)]
    gate = [(0.5, 0.0), (0.5, 1.0)]
    engine = EventEngine("front", rules(zones={"door": zone}, lines={"gate": gate}))
    told: list[EmittedEvent] = []
    for one in frames:
        told += engine.on_detections(one, one.time.published)
    if ends_with_silence:
        told += engine.on_silence(1e6, frames[-1].time.published)
    return [message for _, message in told]


@settings(deadline=None, max_examples=60)
@given(steps=_STEPS, holes=_HOLES, ends_with_silence=st.booleans())
@example(steps=[(40, "both", -3600)], holes=[], ends_with_silence=True)
@example(steps=[(40, "camera", -1.5)], holes=[(38, 10)], ends_with_silence=True)
@example(
    steps=[(20, "camera", 3600), (60, "camera", -7200)], holes=[(50, 20)], ends_with_silence=False
)
def test_times_of_an_event_are_in_order(
    steps: list[tuple[int, str, float]], holes: list[tuple[int, int]], *, ends_with_silence: bool
) -> None:
    """Of all its messages, whoever's clock is put where."""
    gone = {at + number for at, length in holes for number in range(length)}
    frames = [one for index, one in enumerate(_scene(steps)) if index not in gone]
    by_id: dict[str, list[EventMessage]] = {}
    for message in _told(frames, ends_with_silence=ends_with_silence):
        by_id.setdefault(message.id, []).append(message)
    for messages in by_id.values():
        assert [one.revision for one in messages] == list(range(len(messages)))
        assert len({one.time.started for one in messages}) == 1
        seen = [one.time.seen for one in messages]
        assert seen == sorted(seen)
        durations = [one.duration_s for one in messages]
        assert durations == sorted(durations)
        for one in messages:
            _check_order(one)


def _check_order(message: EventMessage) -> None:
    started, seen = message.time.started, message.time.seen
    assert started <= seen
    assert message.time.ended in (None, seen)
    assert message.duration_s >= 0
    assert started <= message.best.at <= seen
    assert all(started <= crossing.at <= seen for crossing in message.lines)
    assert all(started <= gap.from_ <= gap.until <= seen for gap in message.gaps)
    assert all(seconds >= 0 for seconds in message.zones.dwell_s.values())


@pytest.mark.parametrize("seconds", [-0.5, -30, -3600, -20 * _YEAR_S])
def test_a_clock_put_back_changes_no_duration(seconds: float) -> None:
    """The end is as long after the start as the visit took."""
    events = _told(_scene([(40, "camera", seconds)]), ends_with_silence=True)
    plain = _told(_scene([]), ends_with_silence=True)
    for one, other in zip(
        [event for event in events if event.end],
        [event for event in plain if event.end],
        strict=True,
    ):
        assert one.duration_s == pytest.approx(other.duration_s, abs=0.5)
