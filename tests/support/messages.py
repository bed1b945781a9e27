"""Detection and status messages for tests, and strategies that make them up."""

from __future__ import annotations

import dataclasses
import string

from hypothesis import strategies as st

from vision.domain.frame import ClockSource
from vision.domain.message import (
    DETECTIONS_SCHEMA,
    STATUS_SCHEMA,
    DetectionMessage,
    MessageDetection,
    MessageFrame,
    MessageModel,
    MessageTime,
    StatusMessage,
    utc_text,
)
from vision.domain.status import CameraState

RUN = 1_763_898_000_123
PERSON = MessageDetection("person", 0, 0.87, (0.216, 0.458, 0.279, 0.648))


def detection(
    seq: int,
    *,
    camera: str = "front",
    run: int = RUN,
    skipped: int = 0,
    gated: int = 0,
    detections: tuple[MessageDetection, ...] = (PERSON,),
) -> DetectionMessage:
    """One frame's message."""
    moment = utc_text(run * 1_000_000 + seq * 200_000_000)
    return DetectionMessage(
        schema=DETECTIONS_SCHEMA,
        id=f"{camera}:{run}-{seq}",
        camera=camera,
        run=str(run),
        seq=seq,
        time=MessageTime(moment, "rtcp", 12.5, moment, moment, 34.7, moment),
        frame=MessageFrame(1920, 1080, seq * 18_000, "1/90000"),
        model=MessageModel("yolov8n", "ab" * 32, "openvino", (384, 640)),
        detections=detections,
        skipped=skipped,
        gated=gated,
    )


def status(
    state: CameraState = CameraState.ONLINE, *, camera: str = "front", reason: str = ""
) -> StatusMessage:
    """One state's message."""
    moment = utc_text(RUN * 1_000_000)
    return StatusMessage(STATUS_SCHEMA, camera, str(RUN), state.value, reason, moment, moment, None)


def strange_messages() -> st.SearchStrategy[DetectionMessage]:
    """Messages with all that the contract allows in them."""
    return st.builds(
        _consistent,
        st.builds(
            DetectionMessage,
            schema=st.just(DETECTIONS_SCHEMA),
            id=st.just(""),
            camera=_cameras(),
            run=_runs(),
            seq=st.integers(1, 10**15),
            time=st.builds(
                MessageTime,
                captured=_moments(),
                source=st.sampled_from([source.value for source in ClockSource]),
                clock_offset_ms=st.none() | st.floats(-1e12, 1e12),
                inference_ms=st.floats(0, 1e6),
                received=_moments(),
                inferred=_moments(),
                published=_moments(),
            ),
            frame=st.builds(
                MessageFrame,
                width=st.integers(1, 20_000),
                height=st.integers(1, 20_000),
                pts=st.none() | st.integers(-(2**63), 2**63 - 1),
                time_base=st.tuples(st.integers(1, 1001), st.integers(1, 90_000)).map(
                    lambda pair: f"{pair[0]}/{pair[1]}"
                ),
            ),
            model=st.builds(
                MessageModel,
                name=_labels(),
                sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
                backend=_labels(),
                input=st.tuples(st.integers(1, 4096), st.integers(1, 4096)),
            ),
            detections=st.lists(_detections(), max_size=5).map(tuple),
            skipped=st.integers(0, 10**9),
            gated=st.integers(0, 10**9),
        ),
    )


def strange_statuses() -> st.SearchStrategy[StatusMessage]:
    """Status messages with all that the contract allows in them."""
    return st.builds(
        StatusMessage,
        schema=st.just(STATUS_SCHEMA),
        camera=_cameras(),
        run=st.just("0") | _runs(),
        state=st.sampled_from([state.value for state in CameraState]),
        reason=_texts(),
        since=_moments(),
        at=_moments(),
        retry_at=st.none() | _moments(),
    )


def _consistent(message: DetectionMessage) -> DetectionMessage:
    return dataclasses.replace(message, id=f"{message.camera}:{message.run}-{message.seq}")


def _detections() -> st.SearchStrategy[MessageDetection]:
    share = st.floats(0, 1)
    return st.builds(
        MessageDetection,
        label=_labels(),
        class_id=st.integers(0, 10_000),
        confidence=share,
        box=st.tuples(share, share, share, share),
    )


def _cameras() -> st.SearchStrategy[str]:
    word = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
    return st.lists(word, min_size=1, max_size=4).map("-".join)


def _runs() -> st.SearchStrategy[str]:
    return st.integers(1, 10**18).map(str)


def _moments() -> st.SearchStrategy[str]:
    return st.integers(0, 4_000_000_000 * 10**9).map(utc_text)


def _texts() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]))


def _labels() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
