"""A tracker that begins, goes on, and is told of what others have told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.support.event_messages import event
from tests.support.messages import RUN
from tests.support.visits import WalkingPerson, film, rules
from vision.domain.event import EventMessage, GapReason
from vision.domain.message import DetectionMessage, utc_text
from vision.events.camera_tracker import EventTracker
from vision.events.redis_store import OpenEvents
from vision.publishing.encoding import encode
from vision.publishing.keys import Kind
from vision.publishing.reading.cursor import BEFORE_THE_FIRST
from vision.publishing.reading.stream_reader import StoredMessage

_NOW_NS = RUN * 1_000_000


class Observer:
    """Counts what it hears."""

    def __init__(self) -> None:
        self.events: list[EventMessage] = []
        self.frames: list[str] = []
        self.passed: list[tuple[str, str]] = []

    def on_event(self, message: EventMessage) -> None:
        """Keep it."""
        self.events.append(message)

    def followed(self, frame: DetectionMessage, gap: GapReason | None) -> None:
        """Keep its id."""
        del gap
        self.frames.append(frame.id)

    def passed_by(self, camera: str, kind: str) -> None:
        """Keep them."""
        self.passed.append((camera, kind))


def still() -> float:
    """A clock that stands still."""
    return 0.0


def tracker(
    observer: Observer | None = None, monotonic_s: Callable[[], float] = still
) -> EventTracker:
    """One on clocks of its own."""
    return EventTracker(
        "front",
        rules(),
        observer or Observer(),
        wall_ns=lambda: _NOW_NS,
        monotonic_s=monotonic_s,
    )


def stored(frames: list[DetectionMessage]) -> list[StoredMessage]:
    """As they lie on the stream."""
    return [StoredMessage(frame.stream_id, encode(frame)) for frame in frames]


def test_who_begins_takes_in_what_was_said_just_now() -> None:
    """And leaves the history and what is no message."""
    old = film([], 10, began_ns=_NOW_NS - 60_000_000_000)
    new = film([], 1, began_ns=_NOW_NS, run=RUN + 1)
    one = tracker()
    one.begin([StoredMessage("5-1", b"{}"), *stored(old), *stored(new)])
    assert one.detections_id == old[-1].stream_id


def test_it_goes_on_from_a_state_and_from_no_other_bytes() -> None:
    """Ids of both streams are part of it."""
    frames, observer = stored(film([WalkingPerson(0, 9)], 12)), Observer()
    first, second = tracker(), tracker(observer)
    told = first.take(frames[:20], [])
    state = first.state()
    assert state is not None
    assert not second.restore(b"{}")
    assert second.restore(state)
    assert second.detections_id == frames[19].stream_id
    assert second.statuses_id == BEFORE_THE_FIRST
    assert second.open_events == 1
    whole = tracker().take(frames, [])
    assert told + second.take(frames[20:], []) == whole
    assert observer.frames[0] == f"front:{frames[20].stream_id}"
    assert observer.events[-1].type == "end"


def test_nothing_is_told_twice_by_one_who_has_no_state() -> None:
    """It reads from the first frame of what is open, and is silent up to what was told."""
    frames = stored(film([WalkingPerson(0, 9)], 12))
    told = tracker().take(frames[:20], [])
    open_event = event(revision=len(told) - 1)
    other = tracker()
    other.rebuild(OpenEvents(told[-1].stream_id, {f"front:{RUN}-1-0": open_event}))
    assert other.detections_id == f"{RUN}-0"
    newest = int(told[-1].stream_id.partition("-")[2]) // 10_000
    assert other.take(frames[:newest], []) == []
    assert other.state() is None
    following = other.take(frames[newest:], [])
    assert other.state() is not None
    assert {b'"type":"new"' in message.payload for message in following} == {False}


def test_an_open_event_with_a_foreign_id_is_ended() -> None:
    """Somebody else wrote it on our stream: it stops nobody."""
    one = tracker()
    foreign = event(number=3)
    one.rebuild(OpenEvents("9-9", {"x": foreign, "y": replace(foreign, id="front:x")}))
    ended = one.take([], [])
    assert [b'"end":"run"' in message.payload for message in ended] == [True, True]
    assert utc_text(_NOW_NS).encode() in ended[0].payload


def test_a_worker_that_stood_still_takes_that_for_no_silence_of_the_camera() -> None:
    """The camera's node may have stood still with it: what goes on is told as one visit."""
    now_s = 0.0
    one = tracker(monotonic_s=lambda: now_s)
    one.take(stored(film([WalkingPerson(0, 60)], 3)), [])
    assert one.open_events == 1
    now_s += 3600
    assert one.take([], []) == []
    ended: list[StoredMessage] = []
    while not ended:
        now_s += 0.25
        ended = one.take([], [])
    assert b'"end":"camera"' in ended[0].payload
    assert now_s - 3600 > rules().away_s - 3


def test_what_is_no_message_of_the_camera_is_counted_and_passed_by() -> None:
    """On either stream, and another camera's too; the position moves on."""
    observer = Observer()
    one = tracker(observer)
    frames = stored(film([WalkingPerson(0, 9)], 3))
    foreign = encode(film([], 1)[0]).replace(b"front", b"yard")
    one.take(
        [StoredMessage("1-1", b""), StoredMessage("1-2", foreign), *frames],
        [StoredMessage("1-1", b"\xff")],
    )
    assert observer.passed == [("front", "detections")] * 2 + [("front", "status")]
    assert one.detections_id == frames[-1].stream_id
    assert len(observer.frames) == len(frames)


def test_a_clock_that_was_put_back_leaves_no_frame_out() -> None:
    """Frames are taken in the order of their stream, whenever they were published."""
    observer = Observer()
    frames = film([WalkingPerson(0, 9)], 6)
    late = [
        replace(one, time=replace(one.time, published=utc_text(_NOW_NS - index * 10**10)))
        for index, one in enumerate(frames)
    ]
    tracker(observer).take(stored(late), [])
    assert observer.frames == [one.id for one in frames]


def test_a_stream_made_anew_ends_what_was_and_is_read_from_its_beginning() -> None:
    """Its frames have smaller ids, as those of a run that began before."""
    one = tracker()
    one.take(stored(film([WalkingPerson(0, 9)], 6)), [])
    assert one.open_events == 1
    ended = one.on_stream_recreated(Kind.DETECTIONS)
    assert [b'"end":"run"' in message.payload for message in ended] == [True]
    assert one.detections_id == BEFORE_THE_FIRST
    told = one.take(stored(film([WalkingPerson(0, 9)], 6, run=RUN - 50_000)), [])
    assert b'"type":"new"' in told[0].payload
