"""How far a subscriber has come on one camera's stream, for each kind of message."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from typing import ClassVar, Generic, Protocol, TypeVar

from vision.domain.event import EventMessage
from vision.domain.message import DetectionMessage, StatusMessage
from vision.domain.narration import NarrationMessage
from vision.publishing.encoding import (
    decode_detections,
    decode_event,
    decode_narration,
    decode_status,
)
from vision.publishing.keys import Kind


class OfCamera(Protocol):
    """Says whose it is."""

    @property
    def camera(self) -> str:
        """The camera's name."""


Message = TypeVar("Message", bound=OfCamera)
BEFORE_THE_FIRST = "0-0"
# More than the stream keeps by default: no status that is read again passes for a new one.
_RECENT_STATUSES = 2_000
_RECENT_NARRATIONS = 5_000
_RECENT_EVENTS = 50_000
# No id of a stream is greater: all that a stream has comes before it.
_AFTER_THE_LAST = f"{2**64 - 1}-{2**64 - 1}"


class Cursor(ABC, Generic[Message]):
    """What of one stream was handed on."""

    kind: ClassVar[Kind]

    @abstractmethod
    def __init__(self, stream_id: str) -> None:
        """Start after the entry ``stream_id``."""

    @property
    @abstractmethod
    def stream_id(self) -> str:
        """The entry after which the stream is to be read on."""

    @staticmethod
    @abstractmethod
    def decode(payload: bytes) -> Message:
        """The message in ``payload``; PublishError if it is none."""

    @staticmethod
    @abstractmethod
    def moment(message: Message) -> str:
        """When it was said, RFC 3339 in UTC: sorts as text."""

    @abstractmethod
    def is_new(self, message: Message) -> bool:
        """Whether it was not handed on yet."""

    @abstractmethod
    def missing_until(self, message: Message) -> str | None:
        """The stream id up to which something may be missing before a live message."""

    @abstractmethod
    def rewind(self) -> None:
        """Read the stream from its beginning: it is another one of the same name."""

    @abstractmethod
    def advance(self, message: Message, stream_id: str | None) -> None:
        """Note that it is handed on; ``stream_id`` is None for one that came live."""


class DetectionCursor(Cursor[DetectionMessage]):
    """Counts frames: a message names its stream id and the frames it skipped."""

    kind = Kind.DETECTIONS
    decode = staticmethod(decode_detections)

    def __init__(self, stream_id: str) -> None:
        milliseconds, _, number = stream_id.partition("-")
        self._newest = self._last = (int(milliseconds), int(number))

    @property
    def stream_id(self) -> str:
        """As :class:`Cursor` says."""
        return f"{self._newest[0]}-{self._newest[1]}"

    @staticmethod
    def moment(message: DetectionMessage) -> str:
        """As :class:`Cursor` says."""
        return message.time.published

    def is_new(self, message: DetectionMessage) -> bool:
        """Whether its frame comes after the last one of its run; other runs are new."""
        run, seq = self._last
        return int(message.run) != run or message.seq > seq

    def missing_until(self, message: DetectionMessage) -> str | None:
        """Itself, unless its ``skipped`` explains all frames since the last message.

        Where a run begins, only the stream knows whether the run before had ended.
        """
        run, seq = self._last
        if int(message.run) == run and message.seq == seq + 1 + message.skipped:
            return None
        return message.stream_id

    def rewind(self) -> None:
        """As :class:`Cursor` says."""
        self._newest = (0, 0)

    def advance(self, message: DetectionMessage, stream_id: str | None) -> None:  # noqa: ARG002  the message knows
        """Move to the frame; the stream is never read again before its newest id."""
        self._last = (int(message.run), message.seq)
        self._newest = max(self._newest, self._last)


class StatusCursor(Cursor[StatusMessage]):
    """Compares messages: a status that came live does not name its stream id."""

    kind = Kind.STATUS
    decode = staticmethod(decode_status)

    def __init__(self, stream_id: str) -> None:
        self._stream_id = stream_id
        self._recent: deque[StatusMessage] = deque(maxlen=_RECENT_STATUSES)

    @property
    def stream_id(self) -> str:
        """The last entry that was read from the stream."""
        return self._stream_id

    @staticmethod
    def moment(message: StatusMessage) -> str:
        """As :class:`Cursor` says."""
        return message.at

    def is_new(self, message: StatusMessage) -> bool:
        """Whether no equal one was handed on lately."""
        return message not in self._recent

    def missing_until(self, message: StatusMessage) -> str | None:  # noqa: ARG002  see below
        """All that the stream has, the message itself too: statuses have no numbers.

        Their order on the stream is all that says which of two holds: their times do not, since
        clocks are put back. One that waited for Redis comes late and on the stream alone.
        """
        return _AFTER_THE_LAST

    def rewind(self) -> None:
        """As :class:`Cursor` says."""
        self._stream_id = BEFORE_THE_FIRST

    def advance(self, message: StatusMessage, stream_id: str | None) -> None:
        """Remember the message."""
        self._recent.append(message)
        self._stream_id = stream_id or self._stream_id


class EventCursor(Cursor[EventMessage]):
    """Counts the messages of each event: one that came live does not name its stream id."""

    kind = Kind.EVENTS
    decode = staticmethod(decode_event)

    def __init__(self, stream_id: str) -> None:
        self._stream_id = stream_id
        self._revisions: OrderedDict[str, int] = OrderedDict()

    @property
    def stream_id(self) -> str:
        """The last entry that was read from the stream."""
        return self._stream_id

    @staticmethod
    def moment(message: EventMessage) -> str:
        """As :class:`Cursor` says."""
        return message.time.published

    def is_new(self, message: EventMessage) -> bool:
        """Whether it comes after the last message of its event."""
        return message.revision > self._revisions.get(message.id, -1)

    def missing_until(self, message: EventMessage) -> str | None:
        """All that the stream has, unless it is the event's next message."""
        if message.revision == self._revisions.get(message.id, -1) + 1:
            return None
        return _AFTER_THE_LAST

    def rewind(self) -> None:
        """As :class:`Cursor` says."""
        self._stream_id = BEFORE_THE_FIRST

    def advance(self, message: EventMessage, stream_id: str | None) -> None:
        """Remember the event's revision."""
        self._revisions[message.id] = message.revision
        self._revisions.move_to_end(message.id)
        if len(self._revisions) > _RECENT_EVENTS:
            self._revisions.popitem(last=False)
        self._stream_id = stream_id or self._stream_id


class NarrationCursor(Cursor[NarrationMessage]):
    """Remembers ids: a narration that came live does not name its stream id."""

    kind = Kind.NARRATION
    decode = staticmethod(decode_narration)

    def __init__(self, stream_id: str) -> None:
        self._stream_id = stream_id
        self._recent: OrderedDict[str, None] = OrderedDict()

    @property
    def stream_id(self) -> str:
        """The last entry that was read from the stream."""
        return self._stream_id

    @staticmethod
    def moment(message: NarrationMessage) -> str:
        """As :class:`Cursor` says."""
        return message.time.published

    def is_new(self, message: NarrationMessage) -> bool:
        """Whether none of its id was handed on lately."""
        return message.id not in self._recent

    def missing_until(self, message: NarrationMessage) -> str | None:  # noqa: ARG002  see below
        """Nothing: not all messages of an event are told, so no number would show it."""
        return None

    def rewind(self) -> None:
        """As :class:`Cursor` says."""
        self._stream_id = BEFORE_THE_FIRST

    def advance(self, message: NarrationMessage, stream_id: str | None) -> None:
        """Remember the id."""
        self._recent[message.id] = None
        if len(self._recent) > _RECENT_NARRATIONS:
            self._recent.popitem(last=False)
        self._stream_id = stream_id or self._stream_id
