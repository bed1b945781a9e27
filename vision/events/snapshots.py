"""Pictures of events: of the frames that show them best, as far as there are pictures.

Frames are told of on Redis, and their pictures come another way: before the message inside a
node, after it from an inference worker, or not at all. So both are remembered for a moment, and
what belongs together is put together whenever the second of them is there (docs/adr/0029).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from vision.domain.event import EventBest, EventMessage, EventType
from vision.domain.frame import Frame, Image
from vision.domain.message import DetectionMessage
from vision.events.snapshot_store import SnapshotStore, snapshot_path
from vision.events.visit import BETTER, Visit, snapshot_score
from vision.frames.jpeg import encode_jpeg
from vision.frames.planar import to_rgb

# The message of a frame is tracked within a fraction of a second.
_FRAMES = 10
_SIGHTINGS = 64
# An event is encoded once in so many seconds at most, however much better it gets.
_PERIOD_S = 1.0
# Whoever did not become better to see for so long does not need pictures.
_HOPE_S = 5.0

Jpeg = Callable[[], bytes]
"""Encodes a picture, or hands out one that came encoded."""


class RecentFrames:
    """The newest pictures of each camera, by the id of the message about them. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cameras: dict[str, deque[tuple[str, Jpeg]]] = {}

    def offer_frame(self, frame: Frame) -> None:
        """Copy a frame."""
        image = frame.image.copy()
        self.offer(frame.meta.camera, frame.meta.id, partial(_encoded, image))

    def offer(self, camera: str, frame_id: str, jpeg: Jpeg) -> None:
        """Remember a picture for as long as ten further ones of the camera have not come."""
        with self._lock:
            self._cameras.setdefault(camera, deque(maxlen=_FRAMES)).append((frame_id, jpeg))

    def of(self, camera: str) -> Mapping[str, Jpeg]:
        """Those of a camera."""
        with self._lock:
            return dict(self._cameras.get(camera, ()))


@dataclass(slots=True)
class _Shots:
    """An event's pictures: the one that is kept, and a better one that waits for its turn."""

    kept: EventBest | None
    best: str
    improved_s: float
    next: tuple[EventBest, Jpeg] | None = None
    written_s: float = float("-inf")

    def least_worth(self) -> float:
        """What a picture must be worth to be of use."""
        others = [self.kept, self.next[0] if self.next else None]
        return max(_worth(other) * BETTER for other in others) if any(others) else 0.0


class SnapshotTaker:
    """Implements :class:`vision.events.camera_tracker.SnapshotSink`."""

    def __init__(
        self,
        store: SnapshotStore,
        pictures: RecentFrames,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._pictures = pictures
        self._monotonic_s = monotonic_s
        self._shots: dict[str, dict[str, _Shots]] = {}
        self._sightings: dict[str, deque[tuple[str, list[tuple[str, EventBest]]]]] = {}
        self._wanted: frozenset[str] = frozenset()
        self.encoded = 0
        """How many pictures were encoded or taken over."""

    def wanted(self) -> frozenset[str]:
        """The cameras on which something may become better to see; callable from any thread."""
        return self._wanted

    def forget(self, camera: str) -> None:
        """Another worker tracks it."""
        self._shots.pop(camera, None)
        self._sightings.pop(camera, None)
        self._wanted -= {camera}

    def on_frame(self, frame: DetectionMessage, visits: Sequence[Visit]) -> None:
        """Remember who is where in the frame."""
        seen = [
            (visit.id, EventBest(frame.id, visit.seen, visit.confidence, visit.box, None))
            for visit in visits
            if visit.misses == 0
        ]
        if seen:
            of_camera = self._sightings.setdefault(frame.camera, deque(maxlen=_SIGHTINGS))
            of_camera.append((frame.id, seen))
        now_s = self._monotonic_s()
        shots = self._shots.setdefault(frame.camera, {})
        for visit in visits:
            known = shots.get(visit.id)
            if known is None:
                shots[visit.id] = _Shots(visit.shot, visit.best.detection, now_s)
            elif known.best != visit.best.detection:
                known.best, known.improved_s = visit.best.detection, now_s

    def with_snapshot(
        self, camera: str, visits: Sequence[Visit], messages: Sequence[EventMessage]
    ) -> list[EventMessage]:
        """The messages with the pictures that are kept by now."""
        # Where nothing happens nothing is written, and pictures grow old all the same.
        self._store.sweep()
        shots = self._shots.setdefault(camera, {})
        self._put_together(camera, shots)
        now_s = self._monotonic_s()
        told = {message.id for message in messages}
        for visit in visits:
            known = shots.get(visit.id)
            if known and visit.told and now_s - known.written_s >= _PERIOD_S:
                is_first = known.kept is None
                if self._write(visit.id, known, now_s):
                    visit.shot = known.kept
                    # Worth a message: whoever waits for a picture has not had one.
                    visit.news |= is_first and visit.id not in told
        shown = [self._with_picture(message, shots, now_s) for message in messages]
        open_ids = {visit.id for visit in visits}
        self._shots[camera] = {key: value for key, value in shots.items() if key in open_ids}
        has_hope = any(
            visit.misses == 0 and now_s - shots[visit.id].improved_s < _HOPE_S
            for visit in visits
            if visit.id in shots
        )
        self._wanted = self._wanted | {camera} if has_hope else self._wanted - {camera}
        return shown

    def _put_together(self, camera: str, shots: Mapping[str, _Shots]) -> None:
        pictures = self._pictures.of(camera)
        waiting = self._sightings.get(camera, ())
        for frame_id, seen in [sighting for sighting in waiting if sighting[0] in pictures]:
            for event_id, sighting in seen:
                known = shots.get(event_id)
                if known and _worth(sighting) > known.least_worth():
                    known.next = (sighting, pictures[frame_id])
        if waiting:
            left = [sighting for sighting in waiting if sighting[0] not in pictures]
            self._sightings[camera] = deque(left, maxlen=_SIGHTINGS)

    def _with_picture(
        self, message: EventMessage, shots: Mapping[str, _Shots], now_s: float
    ) -> EventMessage:
        known = shots.get(message.id)
        if known is None:
            return message
        # What ends has no other turn.
        if message.type == EventType.END:
            self._write(message.id, known, now_s)
        return replace(message, best=known.kept) if known.kept else message

    def _write(self, event_id: str, shots: _Shots, now_s: float) -> bool:
        """Keep the picture that waits, if one does."""
        if shots.next is None:
            return False
        (sighting, jpeg), shots.next = shots.next, None
        shots.written_s = now_s
        self.encoded += 1
        if not self._store.write(event_id, jpeg()):
            return False
        shots.kept = replace(sighting, snapshot=snapshot_path(event_id))
        return True


def _worth(best: EventBest | None) -> float:
    return 0.0 if best is None else snapshot_score(best.confidence, best.box)


def _encoded(image: Image) -> bytes:
    return encode_jpeg(to_rgb(image))
