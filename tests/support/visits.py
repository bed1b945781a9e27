"""People who walk through a picture, as detection messages without a camera."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.support.messages import RUN, detection
from vision.config.settings import Settings
from vision.domain.event import Box, EventMessage
from vision.domain.message import DetectionMessage, MessageDetection, MessageTime, utc_text
from vision.events.engine import EmittedEvent, EventEngine
from vision.events.rules import Rules, rules_for

_WIDTH, _HEIGHT = 0.06, 0.25


@dataclass(frozen=True)
class WalkingPerson:
    """Somebody who walks evenly along the picture.

    Attributes:
        from_s: When the first frame can show them, and ``to_s`` the last.
        start: Where they stand then, and ``end`` at the end.
        score: How sure the detector is.
        label: What it calls them.
    """

    from_s: float
    to_s: float
    start: tuple[float, float] = (0.1, 0.8)
    end: tuple[float, float] = (0.9, 0.8)
    score: float = 0.9
    label: str = "person"

    def seen(self, at_s: float) -> MessageDetection | None:
        """Their box at an instant, None when they are not there."""
        if not self.from_s <= at_s <= self.to_s:
            return None
        share = (at_s - self.from_s) / max(self.to_s - self.from_s, 1e-9)
        x, y = (a + share * (b - a) for a, b in zip(self.start, self.end, strict=True))
        return MessageDetection(self.label, 0, self.score, box_at(x, y))


def box_at(x: float, y: float) -> Box:
    """The box of somebody who stands at a spot."""
    left, right = max(0.0, x - _WIDTH / 2), min(1.0, x + _WIDTH / 2)
    return round(left, 4), round(max(0.0, y - _HEIGHT), 4), round(right, 4), round(y, 4)


def frame(
    seq: int,
    at_s: float,
    walks: Sequence[WalkingPerson] = (),
    *,
    run: int = RUN,
    began_ns: int = RUN * 1_000_000,
    camera: str = "front",
    **counts: int,
) -> DetectionMessage:
    """The message of the frame that was captured ``at_s`` after the start of the scene."""
    moment = utc_text(began_ns + round(at_s * 1000) * 1_000_000)
    seen = tuple(box for walk in walks if (box := walk.seen(at_s)) is not None)
    message = detection(seq, camera=camera, run=run, detections=seen, **counts)
    return replace(message, time=MessageTime(moment, "rtcp", 12.5, moment, moment, 34.7, moment))


def film(
    walks: Sequence[WalkingPerson], seconds: float, fps: float = 5.0, **fixed: Any
) -> list[DetectionMessage]:
    """Every frame of a scene."""
    return [frame(number + 1, number / fps, walks, **fixed) for number in range(int(seconds * fps))]


def rules(events: dict[str, Any] | None = None, **camera: Any) -> Rules:
    """Those of a camera with these settings."""
    known = {"front": {"url": "rtsp://front.test/1", "events": camera}}
    return rules_for(Settings.model_validate({"events": events or {}, "cameras": known}), "front")


def told(frames: Sequence[DetectionMessage], by: Rules | None = None) -> list[EventMessage]:
    """What an engine tells of these frames."""
    return [event for _, event in tell(EventEngine("front", by or rules()), frames)]


def tell(engine: EventEngine, frames: Sequence[DetectionMessage]) -> Iterator[EmittedEvent]:
    """The same, with the ids on the stream."""
    for message in frames:
        yield from engine.on_detections(message, message.time.published)
