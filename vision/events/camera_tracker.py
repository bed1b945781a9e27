"""One camera's streams through its engine: what the events worker asks of a tracker."""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import orjson

from vision.domain.contract import StreamId
from vision.domain.errors import PublishError
from vision.domain.event import EventMessage, GapReason
from vision.domain.message import DetectionMessage, StatusMessage, utc_text
from vision.events.engine import EmittedEvent, EngineState, EventEngine
from vision.events.redis_store import OpenEvents
from vision.events.rules import Rules
from vision.events.visit import Visit
from vision.publishing.encoding import decode_detections, decode_status, encode
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.reading.cursor import BEFORE_THE_FIRST, DetectionCursor, StatusCursor
from vision.publishing.reading.stream_reader import StoredMessage
from vision.publishing.reading.unusable_messages import UnusableMessages
from vision.publishing.shape import ShapeError, reader
from vision.resilience.suspension import SuspensionAwareClock

_VERSION = "vision.events-state/1"


@dataclass(frozen=True, slots=True)
class TrackerState:
    """The state after the entries of the camera's streams that it names."""

    version: str
    detections_id: StreamId
    statuses_id: StreamId
    state: EngineState


_read = reader(TrackerState, str)


def dump_state(state: EngineState, detections_id: str, statuses_id: str) -> bytes:
    """The inverse of :func:`load_state`."""
    return orjson.dumps(TrackerState(_VERSION, detections_id, statuses_id, state))


def load_state(payload: bytes) -> TrackerState | None:
    """What was kept; None for what is nothing of the kind, or of another version."""
    try:
        kept: TrackerState = _read(orjson.loads(payload))
    except (orjson.JSONDecodeError, ShapeError):
        return None
    return kept if kept.version == _VERSION else None


_log = logging.getLogger(__name__)
# The worker comes around four times a second, and waits for Redis for two seconds at most. Where
# it stood still for longer, whoever sends frames may have done so too: that is no silence.
_TURN_S = 2.5
# Who begins with a camera takes in what was said just now, and no history.
_RECENT_NS = 10_000_000_000

_EVENT_ID = re.compile(r"[^:]+:([1-9][0-9]{0,18})-([1-9][0-9]{0,18})-[0-9]+", re.ASCII)

_Message = TypeVar("_Message", DetectionMessage, StatusMessage)


class EventObserver(Protocol):
    """Hears what is told, and how far behind its frames the worker is."""

    def on_event(self, message: EventMessage) -> None:
        """A message is about to be written."""

    def followed(self, frame: DetectionMessage, gap: GapReason | None) -> None:
        """A frame was taken in, and why nobody looked before it if so."""

    def passed_by(self, camera: str, kind: str) -> None:
        """An entry of a stream of that kind is no message of its camera."""


class SnapshotSink(Protocol):
    """Keeps pictures of what is seen."""

    def on_frame(self, frame: DetectionMessage, visits: Sequence[Visit]) -> None:
        """A frame was taken in; ``visits`` is all that is known after it."""

    def with_snapshot(
        self, camera: str, visits: Sequence[Visit], messages: Sequence[EventMessage]
    ) -> list[EventMessage]:
        """The messages, with the pictures that are kept by now; called with none, too."""


class EventTracker:
    """Implements :class:`vision.events.worker.CameraTracker`."""

    def __init__(
        self,
        camera: str,
        rules: Rules,
        observer: EventObserver,
        pictures: SnapshotSink | None = None,
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._camera = camera
        self._rules = rules
        self._observer = observer
        self._pictures = pictures
        self._wall_ns = wall_ns
        self._awake = SuspensionAwareClock(_TURN_S, monotonic_s)
        self._engine = EventEngine(camera, rules)
        self._detections_id = self._statuses_id = BEFORE_THE_FIRST
        self._heard_s = self._awake()
        self._told_before: OpenEvents | None = None
        self._passed_by = UnusableMessages(_log, "events", observer.passed_by)

    @property
    def detections_id(self) -> str:
        """As the worker asks."""
        return self._detections_id

    @property
    def statuses_id(self) -> str:
        """As the worker asks."""
        return self._statuses_id

    @property
    def open_events(self) -> int:
        """Events that were told of and have not ended."""
        return self._engine.open_events

    def retune(self, rules: Rules) -> None:
        """Go by ``rules`` from the next frame on; from any thread."""
        self._rules = rules
        self._engine.retune(rules)

    def restore(self, state: bytes) -> bool:
        """As the worker asks."""
        kept = load_state(state)
        if kept is None:
            return False
        self._engine = EventEngine(self._camera, self._rules, kept.state)
        self._detections_id, self._statuses_id = kept.detections_id, kept.statuses_id
        return True

    def rebuild(self, told: OpenEvents) -> None:
        """As the worker asks: nothing is told until the frames are past what was told."""
        self._told_before = told
        firsts = [first for message in told.messages.values() if (first := _first_frame(message))]
        run, number = min(firsts, default=(0, 1))
        self._detections_id = f"{run}-{number - 1}"

    def begin(self, detections: Sequence[StoredMessage]) -> None:
        """As the worker asks."""
        since = utc_text(self._wall_ns() - _RECENT_NS)
        for stream_id, payload in detections:
            try:
                is_recent = decode_detections(payload).time.published >= since
            except PublishError:
                is_recent = False
            if is_recent:
                break
            self._detections_id = stream_id

    def take(
        self, detections: Sequence[StoredMessage], statuses: Sequence[StoredMessage]
    ) -> list[StoredMessage]:
        """As the worker asks."""
        self._awake.tick()
        told: list[EmittedEvent] = []
        now = utc_text(self._wall_ns())
        frames: list[tuple[str, DetectionMessage]] = []
        changes: deque[tuple[str, StatusMessage]] = deque()
        for stream_id, payload in detections:
            self._detections_id = stream_id
            frames += self._read(
                decode_detections, DetectionCursor.moment, Kind.DETECTIONS, stream_id, payload
            )
        for stream_id, payload in statuses:
            self._statuses_id = stream_id
            changes += self._read(
                decode_status, StatusCursor.moment, Kind.STATUS, stream_id, payload
            )
        # Each stream in its own order: a clock that was put back is no reason to leave out frames.
        for published, frame in frames:
            while changes and changes[0][0] <= published:
                self._engine.on_status(changes.popleft()[1])
            told += self._take_frame(frame, now)
        for _, change in changes:
            self._engine.on_status(change)
        if detections:
            self._heard_s = self._awake()
        else:
            told += self._adopted(None, now)
            told += self._engine.on_silence(self._awake() - self._heard_s, now)
        return self._written(told)

    def on_stream_recreated(self, kind: Kind) -> list[StoredMessage]:
        """As the worker asks."""
        if kind is Kind.STATUS:
            self._statuses_id = BEFORE_THE_FIRST
            return []
        now = utc_text(self._wall_ns())
        told = self._adopted(None, now) + self._engine.reset(now)
        self._detections_id = BEFORE_THE_FIRST
        return self._written(told)

    def _written(self, told: list[EmittedEvent]) -> list[StoredMessage]:
        """The messages as they are to be written, with the pictures that are kept by now."""
        if self._pictures:
            messages = [event for _, event in told]
            shown = self._pictures.with_snapshot(self._camera, self._engine.state.visits, messages)
            told = [
                EmittedEvent(stream_id, event)
                for (stream_id, _), event in zip(told, shown, strict=True)
            ]
        for _, event in told:
            self._observer.on_event(event)
        return [StoredMessage(stream_id, encode(event)) for stream_id, event in told]

    def state(self) -> bytes | None:
        """As the worker asks."""
        if self._told_before is not None:
            return None
        return dump_state(self._engine.state, self._detections_id, self._statuses_id)

    def _take_frame(self, frame: DetectionMessage, now: str) -> list[EmittedEvent]:
        told = self._adopted(frame, now)
        caused = self._engine.on_detections(frame, now)
        if self._pictures:
            self._pictures.on_frame(frame, self._engine.state.visits)
        self._observer.followed(frame, self._engine.newest_gap)
        return told if self._told_before is not None else told + caused

    def _adopted(self, frame: DetectionMessage | None, now: str) -> list[EmittedEvent]:
        """Go on from what was told before, once the frames are past that or at their end."""
        before = self._told_before
        if before is None or before.newest_id is None:
            return []
        if frame is not None and (int(frame.run), frame.seq) <= self._engine.frame_of(
            before.newest_id
        ):
            return []
        self._told_before = None
        return self._engine.adopt(before.messages, now)

    def _read(
        self,
        decode: Callable[[bytes], _Message],
        moment: Callable[[_Message], str],
        kind: Kind,
        stream_id: str,
        payload: bytes,
    ) -> list[tuple[str, _Message]]:
        """When it was said, and the message; nothing for what is none of this camera."""
        reason: object = "it is another camera's"
        try:
            message = decode(payload)
            if message.camera == self._camera:
                return [(moment(message), message)]
        except PublishError as error:
            reason = error
        self._passed_by.note(StreamKey(kind, self._camera), stream_id, reason)
        return []


def _first_frame(message: EventMessage) -> tuple[int, int] | None:
    """Run and number of the frame that saw an event's object first; None where its id is foreign."""
    found = _EVENT_ID.fullmatch(message.id)
    return (int(found[1]), int(found[2])) if found else None
