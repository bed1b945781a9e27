"""The messages on Redis: the public, versioned contract.

Field names and order are those of the JSON documents; ``schema/*.json`` beside this
file describes them for consumers in any language, and a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

from vision.domain.contract import (
    CameraName,
    Count,
    DetectionId,
    Label,
    Length,
    Milliseconds,
    Number,
    Pixels,
    RunOrNone,
    RunText,
    Share,
    SourceName,
    Text,
    UtcText,
)
from vision.domain.detections import Detections, InferenceRecord
from vision.domain.frame import FrameMeta
from vision.domain.status import CameraStatus

DETECTIONS_SCHEMA = "vision.detections/1"
STATUS_SCHEMA = "vision.status/1"

# Four decimals are a tenth of a pixel at 1080p and less than a confidence can mean.
_DECIMALS = 4


def utc_text(time_ns: int) -> str:
    """RFC 3339 text in UTC with milliseconds: ``2026-11-23T11:40:00.123Z``."""
    seconds, ms = divmod(time_ns // 1_000_000, 1000)
    return f"{_second_text(seconds)}.{ms:03}Z"


# A frame's times lie in one or two seconds, and so do those of the frames beside it.
@lru_cache(maxsize=16)
def _second_text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


@dataclass(frozen=True, slots=True)
class MessageTime:
    """When things happened to the frame; texts as of :func:`utc_text`.

    ``inferred`` less ``inference_ms`` is when the engine was handed the frame.
    """

    captured: UtcText
    source: SourceName
    clock_offset_ms: float | None
    received: UtcText
    inferred: UtcText
    inference_ms: Milliseconds
    published: UtcText


@dataclass(frozen=True, slots=True)
class MessageFrame:
    """The source picture: size in pixels, timestamp and its unit."""

    width: Pixels
    height: Pixels
    pts: int | None
    time_base: Text


@dataclass(frozen=True, slots=True)
class MessageModel:
    """The model that answered and the tensor (height, width) it saw."""

    name: Label
    sha256: Text
    backend: Label
    input: tuple[Pixels, Pixels]


@dataclass(frozen=True, slots=True)
class MessageDetection:
    """One object; ``box`` is left, top, right, bottom as shares 0 to 1 of the frame."""

    label: Label
    class_id: Count
    confidence: Share
    box: tuple[Share, Share, Share, Share]


@dataclass(frozen=True, slots=True)
class DetectionMessage:
    """What was seen in one frame, with nothing in it too.

    ``skipped`` counts from the message before, ``gated`` from the start of the run: frames
    that were held back because nothing moved, and that nobody has looked at.
    """

    schema: str
    id: DetectionId
    camera: CameraName
    run: RunText
    seq: Number
    time: MessageTime
    frame: MessageFrame
    model: MessageModel
    detections: Annotated[tuple[MessageDetection, ...], Length(0, 3000)]
    skipped: Count
    gated: Count

    @property
    def stream_id(self) -> str:
        """Explicit Redis stream id, so that a resend is refused instead of doubled."""
        return f"{self.run}-{self.seq}"


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """A change of a camera's state."""

    schema: str
    camera: CameraName
    run: RunOrNone
    state: Label
    reason: Text
    since: UtcText
    at: UtcText
    retry_at: UtcText | None


def detection_message(
    meta: FrameMeta, seen: Detections, record: InferenceRecord, published_ns: int
) -> DetectionMessage:
    """Put a frame's description, detections and inference record into one message.

    ``published_ns`` is when the message is handed to the outbox, UTC: it stays what it
    was when Redis is away and the message reaches its stream later.
    """
    boxes = seen.xyxy.astype(float).round(_DECIMALS).tolist()
    scores = seen.confidence.astype(float).round(_DECIMALS).tolist()
    classes = seen.class_id.tolist()
    labels = record.model.labels
    return DetectionMessage(
        schema=DETECTIONS_SCHEMA,
        id=meta.id,
        camera=meta.camera,
        run=str(meta.run),
        seq=meta.seq,
        time=MessageTime(
            captured=utc_text(meta.captured_ns),
            source=meta.clock.value,
            clock_offset_ms=meta.clock_offset_ms,
            received=utc_text(meta.received_ns),
            inferred=utc_text(record.inferred_ns),
            inference_ms=round(record.inference_ms, 1),
            published=utc_text(published_ns),
        ),
        frame=MessageFrame(
            width=meta.width,
            height=meta.height,
            pts=meta.pts,
            time_base=f"{meta.time_base[0]}/{meta.time_base[1]}",
        ),
        model=MessageModel(
            name=record.model.name,
            sha256=record.model.sha256,
            backend=record.model.backend,
            input=record.input_size,
        ),
        detections=tuple(
            MessageDetection(
                label=labels[number], class_id=number, confidence=score, box=tuple(box)
            )
            for box, score, number in zip(boxes, scores, classes, strict=True)
        ),
        skipped=record.skipped,
        gated=meta.gated,
    )


def status_message(status: CameraStatus) -> StatusMessage:
    """The message that says ``status``."""
    return StatusMessage(
        schema=STATUS_SCHEMA,
        camera=status.camera,
        run=str(status.run),
        state=status.state.value,
        reason=status.reason,
        since=utc_text(status.since_ns),
        at=utc_text(status.at_ns),
        retry_at=None if status.retry_at_ns is None else utc_text(status.retry_at_ns),
    )
