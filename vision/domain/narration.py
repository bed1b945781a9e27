"""The message of a narration: an event in a sentence or two.

Fields and their order are those of the JSON documents, as in :mod:`vision.domain.message`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from vision.domain.contract import (
    CameraName,
    Count,
    EventId,
    Label,
    Length,
    Milliseconds,
    NarrationId,
    OneOf,
    Text,
    UtcText,
)
from vision.domain.event import EventType

NARRATION_SCHEMA = "vision.narration/1"
TEMPLATE = "template"
"""The narrator that is always there: it stands where a provider's name stands."""


class AttemptOutcome(StrEnum):
    """What came of asking a provider, or why it was not asked."""

    ANSWERED = "answered"
    TIMEOUT = "timeout"
    """No whole answer in its time, however much of it had come."""
    DNS = "dns"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    DROPPED = "dropped"
    """The connection ended before the answer did."""
    UNAUTHORIZED = "unauthorized"
    RATE_LIMITED = "rate_limited"
    """It said that it is asked too often."""
    SERVER_ERROR = "server_error"
    REFUSED = "refused"
    """Another status of 400 to 499: an unknown model or path, a request it does not take."""
    REDIRECTED = "redirected"
    """It named another address, which is not asked."""
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    """No HTTP, no JSON, or not of the shape of an answer."""
    UNUSABLE = "unusable"
    """An answer whose text is no sentence or two."""
    NO_KEY = "no_key"
    """Its secret file is missing or cannot be used."""
    RESTING = "resting"
    """Not asked: it failed lately, and its next trial is not due."""
    LIMITED = "limited"
    """Not asked: it was asked as often as ``narration.limits.per_minute`` allows."""
    BUSY = "busy"
    """Not asked: it was still busy with as many questions as it may get at once."""
    NO_TIME = "no_time"
    """Not asked: those before it had used up the time."""
    LATE = "late"
    """Not asked: the event was too old to be worth it."""

    @property
    def is_asked(self) -> bool:
        """Whether anything was sent to the provider, or at least tried to."""
        return self not in _NOT_ASKED


_NOT_ASKED = frozenset(
    {
        AttemptOutcome.RESTING,
        AttemptOutcome.LIMITED,
        AttemptOutcome.BUSY,
        AttemptOutcome.NO_TIME,
        AttemptOutcome.LATE,
    }
)


@dataclass(frozen=True, slots=True)
class NarrationTime:
    """When things happened; texts as of :func:`vision.domain.message.utc_text`.

    ``event`` is when the event message was published, ``received`` when the narrator had it.
    """

    event: UtcText
    received: UtcText
    published: UtcText


@dataclass(frozen=True, slots=True)
class NarrationAttempt:
    """A provider, what came of it, and milliseconds until that was known."""

    provider: Label
    outcome: Text
    latency_ms: Milliseconds


@dataclass(frozen=True, slots=True)
class NarrationMessage:
    """An event message in a sentence or two.

    ``event``, ``type`` and ``revision`` name the event message; ``id`` is made of them.
    ``provider`` is who wrote ``text``, ``attempts`` all who were before it in the chain, and
    itself. ``template`` is the version of the wording: of the question, or of the sentence.
    """

    schema: str
    id: NarrationId
    camera: CameraName
    event: EventId
    type: Annotated[str, OneOf(frozenset(EventType))]
    revision: Count
    label: Label
    language: Label
    text: Annotated[str, Length(1, 600)]
    provider: Label
    model: Annotated[str, Length(1, 128)] | None
    template: Text
    image: bool
    time: NarrationTime
    latency_ms: Milliseconds
    attempts: Annotated[tuple[NarrationAttempt, ...], Length(0, 100)]
