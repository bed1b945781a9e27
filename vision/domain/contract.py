"""What values the fields of a message may have, as annotations that the decoders enforce.

They say what ``schema/*.json`` says, as far as a reader depends on it: a message that was accepted
can be sorted by its times, counted by its numbers and filed under its names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol, TypeAlias, runtime_checkable

_UTC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_NAME = r"[a-z0-9]+(?:[_-][a-z0-9]+)*"
_NUMBER = r"[1-9][0-9]{0,18}"
_LONGEST_NAME = 63
_LONGEST_LABEL = 256
# An event's id on its stream is made of this number and four more digits: 64 bits have room for it.
_MOST = 10**15


@runtime_checkable
class Check(Protocol):
    """Part of an annotation."""

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value of the annotated type; None if nothing is."""


@dataclass(frozen=True, slots=True)
class IsTimestamp:
    """A time as :func:`vision.domain.message.utc_text` writes it, of a day that exists."""

    def problem(self, value: str) -> str | None:
        """As :class:`Check` says."""
        if _UTC.fullmatch(value):
            try:
                datetime.fromisoformat(value)
            except ValueError:
                pass
            else:
                return None
        return "is not a time in UTC"


@dataclass(frozen=True, slots=True)
class Matches:
    """A text of at most ``longest`` characters that matches ``pattern``, which is ``what``."""

    pattern: re.Pattern[str]
    what: str
    longest: int

    def problem(self, value: str) -> str | None:
        """As :class:`Check` says."""
        is_sound = len(value) <= self.longest and self.pattern.fullmatch(value)
        return None if is_sound else f"is not {self.what}"


@dataclass(frozen=True, slots=True)
class InRange:
    """A number from ``least`` to ``most``."""

    least: float
    most: float

    def problem(self, value: float) -> str | None:
        """As :class:`Check` says."""
        if self.least <= value <= self.most:
            return None
        return "is too small" if value < self.least else "is too large"


@dataclass(frozen=True, slots=True)
class Length:
    """A text, list or mapping of ``least`` to ``most`` members."""

    least: int
    most: int

    def problem(self, value: Any) -> str | None:
        """As :class:`Check` says."""
        if len(value) < self.least:
            return "is too short"
        return "is too long" if len(value) > self.most else None


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few texts."""

    values: frozenset[str]

    def problem(self, value: str) -> str | None:
        """As :class:`Check` says."""
        return None if value in self.values else "is none of its values"


IS_CAMERA_NAME = Matches(re.compile(_NAME), "the name of a camera", _LONGEST_NAME)

UtcText: TypeAlias = Annotated[str, IsTimestamp()]
CameraName: TypeAlias = Annotated[str, IS_CAMERA_NAME]
ShapeName: TypeAlias = Annotated[
    str, Matches(re.compile(_NAME), "the name of a zone or line", _LONGEST_NAME)
]
RunText: TypeAlias = Annotated[str, Matches(re.compile(_NUMBER), "the number of a run", 19)]
RunOrNone: TypeAlias = Annotated[
    str, Matches(re.compile(rf"0|{_NUMBER}"), "the number of a run", 19)
]
"""A run, or ``0`` before the first."""
DetectionId: TypeAlias = Annotated[
    str, Matches(re.compile(rf"{_NAME}:{_NUMBER}-{_NUMBER}"), "the id of a message", 128)
]
EventId: TypeAlias = Annotated[
    str,
    Matches(
        re.compile(rf"{_NAME}:{_NUMBER}-{_NUMBER}-(?:0|[1-9][0-9]{{0,8}})"), "an event's id", 128
    ),
]
NarrationId: TypeAlias = Annotated[
    str,
    Matches(
        re.compile(rf"{_NAME}:{_NUMBER}-{_NUMBER}-(?:0|[1-9][0-9]{{0,8}}):(?:0|[1-9][0-9]*)"),
        "a narration's id",
        160,
    ),
]
SourceName: TypeAlias = Annotated[str, OneOf(frozenset({"rtcp", "arrival"}))]
"""Values of :class:`vision.domain.frame.ClockSource`."""
StreamId: TypeAlias = Annotated[
    str, Matches(re.compile(r"[0-9]{1,19}-[0-9]{1,19}"), "the id of an entry", 39)
]
Label: TypeAlias = Annotated[str, Length(1, _LONGEST_LABEL)]
Text: TypeAlias = Annotated[str, Length(0, 10_000)]
Share: TypeAlias = Annotated[float, InRange(0.0, 1.0)]
Seconds: TypeAlias = Annotated[float, InRange(0.0, 1e12)]
Milliseconds: TypeAlias = Annotated[float, InRange(0.0, 1e15)]
Count: TypeAlias = Annotated[int, InRange(0, _MOST)]
Number: TypeAlias = Annotated[int, InRange(1, _MOST)]
Pixels: TypeAlias = Annotated[int, InRange(1, 10**6)]
