"""The same messages give the same events, wherever somebody else went on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.visits import WalkingPerson, frame, rules, tell
from vision.domain.event import EventGap
from vision.domain.message import DetectionMessage
from vision.events.camera_tracker import dump_state, load_state
from vision.events.engine import EmittedEvent, EngineState, EventEngine

_RULES = rules(
    {"update_s": 1},
    zones={"door": [[0.3, 0.3], [0.7, 0.3], [0.7, 1.0], [0.3, 1.0]]},
    lines={"gate": [[0.5, 1.0], [0.5, 0.0]]},
)
_SPOTS = st.tuples(st.floats(0.05, 0.95), st.floats(0.3, 1.0))
_WALKS = st.lists(
    st.builds(
        lambda start, length, a, b, score, label: WalkingPerson(
            start, start + length, a, b, score, label
        ),
        st.floats(0, 15),
        st.floats(0.2, 15),
        _SPOTS,
        _SPOTS,
        st.floats(0.25, 1),
        st.sampled_from(["person", "dog"]),
    ),
    max_size=5,
)


@st.composite
def _scenes(draw: st.DrawFn) -> list[DetectionMessage]:
    """Frames at any pace with holes of all kinds."""
    walks = draw(_WALKS)
    frames: list[DetectionMessage] = []
    at_s, seq, gated = 0.0, 0, 0
    for _ in range(draw(st.integers(5, 60))):
        skipped = draw(st.sampled_from([0, 0, 0, 1, 7]))
        lost = draw(st.sampled_from([0, 0, 0, 0, 3]))
        held_back = draw(st.sampled_from([0, 0, 0, 40]))
        at_s += draw(st.sampled_from([0.04, 0.2, 0.5, 1.0])) * (1 + skipped + lost + held_back / 10)
        seq, gated = seq + 1 + skipped + lost, gated + held_back
        frames.append(frame(seq, at_s, walks, skipped=skipped, gated=gated))
    return frames


def _through_bytes(state: EngineState) -> EngineState:
    kept = load_state(dump_state(state, "1-1", "2-2"))
    assert kept is not None
    assert (kept.detections_id, kept.statuses_id) == ("1-1", "2-2")
    return kept.state


def _numbers(stream_id: str) -> tuple[int, int]:
    run, _, number = stream_id.partition("-")
    return int(run), int(number)


@settings(deadline=None, max_examples=60)
@given(_scenes(), st.data())
def test_from_any_cut_on_the_same_is_told(frames: list[DetectionMessage], data: Any) -> None:
    """Killed after any frame, with the state written at any frame before: nothing differs."""
    whole = list(tell(EventEngine("front", _RULES), frames))
    kept = data.draw(st.integers(0, len(frames)))
    killed = data.draw(st.integers(kept, len(frames)))
    first = EventEngine("front", _RULES)
    before = list(tell(first, frames[:kept]))
    state = _through_bytes(first.state)
    lost = list(tell(first, frames[kept:killed]))
    after = list(tell(EventEngine("front", _RULES, state), frames[kept:]))
    assert before + after == whole
    assert after[: len(lost)] == lost


@settings(deadline=None, max_examples=60)
@given(_scenes())
def test_events_are_sound_whatever_is_seen(frames: list[DetectionMessage]) -> None:
    """Stream ids rise; one ``new``, at most one ``end``, and no time that was not a frame's."""
    told: list[EmittedEvent] = list(tell(EventEngine("front", _RULES), frames))
    ids = [_numbers(stream_id) for stream_id, _ in told]
    assert ids == sorted(set(ids))
    moments = {message.time.captured for message in frames}
    by_id: dict[str, list[str]] = {}
    gaps: dict[str, tuple[EventGap, ...]] = {}
    for _, event in told:
        # What was said once of a gap is not taken back.
        for gap in gaps.get(event.id, ()):
            assert any(g.from_ <= gap.from_ and g.until >= gap.until for g in event.gaps)
        gaps[event.id] = event.gaps
        by_id.setdefault(event.id, []).append(event.type)
        assert event.revision == len(by_id[event.id]) - 1
        assert {event.time.started, event.time.seen, event.best.at} <= moments
        assert (event.time.ended is None) == (event.end is None) == (event.type != "end")
        assert len(event.path) <= 32
        assert all(gap.until <= event.time.seen for gap in event.gaps)
    for types in by_id.values():
        assert types[0] == "new"
        assert types.count("new") == 1
        assert "end" not in types[:-1]


def test_what_is_no_state_is_none() -> None:
    """Of another version, or nobody's."""
    good = dump_state(EventEngine("front", _RULES).state, "0-0", "0-0")
    assert load_state(good) is not None
    for bad in (b"", b"{}", b"[1]", good.replace(b"state/1", b"state/0"), good[:-2]):
        assert load_state(bad) is None


def test_what_was_told_before_is_carried_on_or_ended() -> None:
    """By somebody who has no state: the numbering goes on."""
    frames = [frame(n + 1, n / 5, [WalkingPerson(0, 9)]) for n in range(20)]
    told = [event for _, event in tell(EventEngine("front", _RULES), frames)]
    engine = EventEngine("front", _RULES)
    list(tell(engine, frames))
    other = replace(told[-1], id="front:1-1-0")
    ended = engine.adopt({told[-1].id: replace(told[-1], revision=7), other.id: other}, "t")
    assert [(event.id, event.end) for _, event in ended] == [(other.id, "run")]
    following = [event for _, event in tell(engine, [frame(n + 1, n / 5) for n in range(20, 40)])]
    assert [(event.type, event.revision) for event in following] == [("end", 8)]
