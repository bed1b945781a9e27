"""The lines of ``vision tail``."""

from __future__ import annotations

import dataclasses

from tests.support.event_messages import event
from tests.support.messages import PERSON, RUN, detection, status
from tests.support.narrations import narration
from vision.cli.tail import (
    DetectionLines,
    detection_line,
    event_line,
    narration_line,
    status_line,
)
from vision.domain.event import EndReason, EventCrossing, EventGap, EventType, EventZones
from vision.domain.message import DetectionMessage
from vision.domain.status import CameraState


def _timed(message: DetectionMessage, source: str) -> DetectionMessage:
    time = dataclasses.replace(
        message.time,
        captured="2026-11-23T11:40:00.123Z",
        published="2026-11-23T11:40:00.210Z",
        source=source,
    )
    return dataclasses.replace(message, time=time)


def test_a_detection_is_one_compact_line() -> None:
    """Time, camera, frame, latency and what was seen, in this order."""
    car = dataclasses.replace(PERSON, label="car", confidence=0.5)
    message = _timed(detection(12345, detections=(PERSON, car)), "rtcp")
    expected = "2026-11-23T11:40:00.123Z front 12345 87 ms person 0.87, car 0.50"
    assert detection_line(message) == expected


def test_a_latency_from_arrival_is_marked() -> None:
    """Without the camera's clock the number means less, and says so."""
    message = _timed(detection(7, detections=()), "arrival")
    assert detection_line(message) == "2026-11-23T11:40:00.123Z front 7 ~87 ms -"


def test_a_status_says_why_and_what_comes_next() -> None:
    """State, reason and the next attempt stand on one line."""
    message = dataclasses.replace(
        status(CameraState.RECONNECTING, reason="timeout: no packet"),
        at="2026-11-23T11:40:00.123Z",
        retry_at="2026-11-23T11:40:02.000Z",
    )
    assert status_line(message) == (
        "2026-11-23T11:40:00.123Z front reconnecting timeout: no packet "
        "(next attempt 2026-11-23T11:40:02.000Z)"
    )


def test_a_new_event_is_one_short_line() -> None:
    """When, where, what is said of which event, and what it is."""
    assert event_line(event()) == (
        "2025-11-23T11:40:00.323Z front new 1763898000123-1-0 person 0.87 0.0 s"
    )


def test_an_event_that_ended_says_all_that_is_known() -> None:
    """Zones with the seconds in them, lines, what nobody looked at, its picture, and why it ended."""
    message = dataclasses.replace(
        event(4, kind=EventType.END, end=EndReason.LEFT, snapshot="front/x.jpg"),
        zones=EventZones(("door",), ("drive", "door"), {"drive": 4.12, "door": 1.0}),
        lines=(EventCrossing("gate", "in", "2025-11-23T11:40:02.000Z"),),
        gaps=(
            EventGap("2025-11-23T11:40:01.000Z", "2025-11-23T11:40:02.500Z", "skipped", 12),
            EventGap("2025-11-23T11:40:03.000Z", "2025-11-23T11:40:04.000Z", "camera", 0),
        ),
        stationary=True,
    )
    assert event_line(message) == (
        "2025-11-23T11:40:04.323Z front end 1763898000123-1-0 person 0.87 4.0 s; "
        "in drive 4.1 s, door* 1.0 s; gate in; stationary; "
        "not looked: 1.5 s skipped (12 frames), 1.0 s camera; front/x.jpg; ended: left"
    )


def test_nothing_steers_the_terminal() -> None:
    """Control characters in what came over the network are shown as question marks."""
    evil = dataclasses.replace(PERSON, label="\x1b[2Jperson\nline")
    assert "?[2Jperson?line" in detection_line(detection(1, detections=(evil,)))
    assert "?[2Jperson?line" in event_line(event(label="\x1b[2Jperson\nline"))


def test_frames_that_were_held_back_are_told_of_with_the_next() -> None:
    """Per camera, and counted anew with each run."""
    lines = DetectionLines()
    shown = [
        lines(message)
        for message in (
            detection(1, gated=40),
            detection(1, camera="yard", gated=7),
            detection(2, gated=88),
            detection(3, gated=88),
            detection(1, run=RUN + 1, gated=5),
        )
    ]
    assert [line.partition("0.87")[2] for line in shown] == [
        "",
        "",
        " (48 gated before)",
        "",
        " (5 gated before)",
    ]


def test_a_narration_is_one_line_with_its_writer() -> None:
    """What a model wrote steers no terminal."""
    line = narration_line(narration(text="Es ist \x1b[31mjemand da."))
    assert line == "2025-11-23T11:40:00.123Z front template 1300 ms Es ist ?[31mjemand da."
