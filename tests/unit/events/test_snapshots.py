"""Pictures of events: the best frame, few of them encoded, and never one that is not there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.messages import PERSON, RUN, detection
from tests.support.web import frame
from vision.config.loader import settings_from
from vision.domain.event import EventMessage, EventType, GapReason
from vision.domain.message import DetectionMessage
from vision.events.camera_tracker import EventTracker
from vision.events.rules import rules_for
from vision.events.snapshot_store import SnapshotStore, snapshot_path
from vision.events.snapshots import RecentFrames, SnapshotTaker
from vision.publishing.encoding import decode_event, encode
from vision.publishing.reading.stream_reader import StoredMessage

_EVENT = f"front:{RUN}-1-0"
_PATH = f"front/{_EVENT}.jpg"
# Five frames a second.
_STEP_S = 0.2


class Nobody:
    """Hears what is told, and does nothing about it."""

    def on_event(self, message: EventMessage) -> None:
        """Nothing."""

    def followed(self, frame: DetectionMessage, gap: GapReason | None) -> None:
        """Nothing."""

    def passed_by(self, camera: str, kind: str) -> None:
        """Nothing."""


class Harness:
    """A tracker with a memory of pictures, driven frame by frame."""

    def __init__(self, folder: Path) -> None:
        self.now_s = 0.0
        self.store = SnapshotStore(folder, max_age_s=1e9, max_bytes=1 << 20)
        self.memory = RecentFrames()
        self.encoded: list[int] = []
        self.messages: list[EventMessage] = []
        self.start()

    def start(self) -> None:
        """Begin with a tracker that knows nothing."""
        self.taker = SnapshotTaker(self.store, self.memory, lambda: self.now_s)
        rules = rules_for(settings_from({"events": {"lost_s": 1.0}}, "here", {}), "front")
        self.tracker = EventTracker(
            "front", rules, Nobody(), self.taker, monotonic_s=lambda: self.now_s
        )

    def picture(self, seq: int) -> None:
        """A picture of a frame comes, which says its number."""

        def jpeg() -> bytes:
            self.encoded.append(seq)
            return b"\xff\xd8 %d" % seq

        self.memory.offer("front", f"front:{RUN}-{seq}", jpeg)

    def message(self, seq: int, confidence: float | None = 0.5) -> list[EventMessage]:
        """The message of a frame comes; with nothing in it for None."""
        person = replace(PERSON, confidence=confidence or 0.0)
        seen = () if confidence is None else (person,)
        payload = encode(detection(seq, detections=seen))
        return self.take([StoredMessage(f"{RUN}-{seq}", payload)])

    def take(self, stored: Sequence[StoredMessage] = ()) -> list[EventMessage]:
        """What the tracker says to what came, after the time between two frames."""
        self.now_s += _STEP_S
        told = [decode_event(payload) for _, payload in self.tracker.take(stored, [])]
        self.messages += told
        return told

    def kept(self) -> int | None:
        """The number of the frame whose picture is kept."""
        jpeg = self.store.read("front", _EVENT)
        return None if jpeg is None else int(jpeg.split()[1])


@pytest.fixture
def stage(tmp_path: Path) -> Harness:
    """A stage."""
    return Harness(tmp_path / "snapshots")


def show(stage: Harness, confidences: Sequence[float | None], first: int = 1) -> None:
    """Frames with pictures, as in a node."""
    for seq, confidence in enumerate(confidences, first):
        stage.picture(seq)
        stage.message(seq, confidence)


def test_what_begins_has_its_picture_at_once(stage: Harness) -> None:
    """The message `new` names the best picture so far, which is there by then."""
    show(stage, [0.5, 0.9, 0.6])
    (message,) = stage.messages
    assert message.type == EventType.NEW
    assert message.best.snapshot == _PATH == snapshot_path(message.id)
    assert message.best.detection == f"front:{RUN}-2"
    assert stage.kept() == 2
    assert stage.encoded == [2]


def test_nothing_is_encoded_for_what_is_no_event(stage: Harness) -> None:
    """Neither for empty frames nor for what was seen but once."""
    show(stage, [None] * 5 + [0.9] + [None] * 20)
    assert stage.messages == []
    assert stage.encoded == []


def test_only_what_is_better_is_encoded_and_once_a_second(stage: Harness) -> None:
    """Fifty frames, each of them better than the one before: one picture for each second."""
    show(stage, [0.02 * number for number in range(20, 50)])
    seconds = 30 * _STEP_S
    assert 3 <= len(stage.encoded) <= seconds
    assert stage.encoded == sorted(stage.encoded)
    show(stage, [0.5] * 50, first=31)
    assert len(stage.encoded) <= seconds + 1
    show(stage, [None] * 10, first=81)
    end = stage.messages[-1]
    assert end.type == EventType.END
    assert end.best.snapshot == _PATH
    # It is the very picture that the message describes.
    assert end.best.detection == f"front:{RUN}-{stage.kept()}"
    # The last frames are better by less than a tenth.
    assert stage.kept() == 26


def test_the_best_picture_is_kept_when_it_ends(stage: Harness) -> None:
    """A picture that waits for its second when the object leaves is not lost."""
    show(stage, [0.5, 0.5, 0.5, 0.95])
    assert stage.kept() == 1
    show(stage, [None] * 10, first=5)
    assert stage.messages[-1].type == EventType.END
    assert stage.kept() == 4
    assert stage.messages[-1].best.confidence == pytest.approx(0.95)


def test_pictures_that_come_later_are_put_to_their_messages(stage: Harness) -> None:
    """As from an inference worker: the first picture is told of with the next frame."""
    for seq in range(1, 4):
        stage.message(seq, 0.5)
    (new,) = stage.messages
    assert new.best.snapshot is None
    assert stage.taker.wanted() == {"front"}
    stage.picture(3)
    assert stage.take() == []
    (update,) = stage.message(4)
    assert update.type == EventType.UPDATE
    assert (update.best.snapshot, update.best.detection) == (_PATH, f"front:{RUN}-3")
    assert stage.kept() == 3


def test_a_best_frame_without_a_picture_has_none_shown(stage: Harness) -> None:
    """What a message says of its picture is true of that picture, not of a better frame."""
    stage.message(1, 0.95)
    show(stage, [0.5, 0.5], first=2)
    (new,) = stage.messages
    assert new.best.detection == f"front:{RUN}-2"
    assert new.best.confidence == pytest.approx(0.5)
    assert stage.kept() == 2


def test_a_worker_that_goes_on_keeps_the_better_picture(stage: Harness) -> None:
    """What was known of the picture is part of the state that another worker takes up."""
    show(stage, [0.5, 0.8, 0.5])
    state = stage.tracker.state()
    assert state
    stage.start()
    assert stage.tracker.restore(state)
    show(stage, [0.6] * 20, first=4)
    assert stage.kept() == 2
    assert stage.messages[-1].best.detection == f"front:{RUN}-2"
    show(stage, [0.99] * 5, first=24)
    assert stage.kept() == 24


def test_what_stands_still_needs_no_pictures(stage: Harness) -> None:
    """An inference worker sends none for what has not become better to see for a while."""
    for seq in range(1, 60):
        stage.message(seq)
        if seq == 3:
            assert stage.taker.wanted() == {"front"}
    assert stage.taker.wanted() == frozenset()
    stage.message(60, 0.9)
    assert stage.taker.wanted() == {"front"}
    stage.taker.forget("front")
    assert stage.taker.wanted() == frozenset()


def test_a_disk_that_refuses_costs_the_picture_only(tmp_path: Path) -> None:
    """The event is told all the same, and says that there is no picture."""
    (tmp_path / "snapshots").write_text("in the way")
    stage = Harness(tmp_path / "snapshots")
    show(stage, [0.5] * 5 + [None] * 10)
    assert [message.type for message in stage.messages] == ["new", "end"]
    assert {message.best.snapshot for message in stage.messages} == {None}
    # Tried again a second later, not with each frame.
    assert len(stage.encoded) == 2


def test_pictures_go_when_they_are_old_though_nothing_happens(tmp_path: Path) -> None:
    """Frames with nothing in them are enough to look: after the last event, too."""
    stage = Harness(tmp_path)
    show(stage, [0.5] * 4 + [None] * 10)
    assert stage.kept() == 1
    utc_s = time.time()
    stage.store = SnapshotStore(
        tmp_path, max_age_s=3600, max_bytes=1 << 20, utc_s=lambda: utc_s + 3700
    )
    stage.start()
    stage.message(20, None)
    assert stage.kept() is None


def test_memory_is_bounded_and_holds_copies() -> None:
    """Ten pictures of a camera, as they were when their memory is used again."""
    memory = RecentFrames()
    for seq in range(1, 31):
        of = frame(seq=seq, shade=90)
        memory.offer_frame(of)
        of.image[:] = 0
    kept = memory.of("front")
    assert list(kept) == [f"front:{RUN}-{seq}" for seq in range(21, 31)]
    decoded = cv2.imdecode(np.frombuffer(kept[f"front:{RUN}-30"](), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (384, 640, 3)
    assert abs(int(decoded.mean()) - 90) < 4
    assert memory.of("yard") == {}
