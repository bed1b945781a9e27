"""The demo's proof: what arrived at a subscriber, and how late."""

from __future__ import annotations

import dataclasses
from datetime import datetime

import pytest

from simulator.demo.totals import DemoTotals
from tests.support.messages import detection
from vision.domain.message import DetectionMessage
from vision.domain.status import CameraState
from vision.telemetry.camera_view import CameraView


class Clock:
    """Both clocks of a tally, moved by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.utc_s = 0.0

    def arrives(self, tally: DemoTotals, message: DetectionMessage, late_s: float) -> None:
        """A message that was captured ``late_s`` ago."""
        self.utc_s = datetime.fromisoformat(message.time.captured).timestamp() + late_s
        tally.count(message)


def view(name: str) -> CameraView:
    """A node's reading of an online camera."""
    return CameraView(
        name,
        CameraState.ONLINE,
        "",
        0,
        None,
        0.0,
        0.0,
        None,
        0,
        {},
        None,
        {"overtaken": 9},
        {},
        is_still=False,
        is_asleep=False,
    )


def test_the_report_is_made_of_what_arrived() -> None:
    """Not of what the node believes: messages, labels, latency, skipped and rate."""
    clock = Clock()
    tally = DemoTotals(lambda: clock.now_s, lambda: clock.utc_s)
    empty = dataclasses.replace(detection(1), detections=())
    clock.now_s = 101.0
    clock.arrives(tally, empty, 0.1)
    for seq, late_s in ((3, 0.2), (4, 0.3)):
        clock.now_s += 0.5
        clock.arrives(tally, dataclasses.replace(detection(seq), skipped=seq - 3), late_s)
    clock.now_s = 110.0
    report = tally.report([view("front"), view("yard")])
    assert (report["seconds"], report["first_detection_s"]) == (10.0, 1.5)
    front = report["cameras"]["front"]
    assert front == {
        "state": "online",
        "messages": 3,
        "inferred_fps": 2.0,
        "labels": {"person": 2},
        "latency_ms": {"p50": pytest.approx(200, abs=1), "p99": pytest.approx(300, abs=1)},
        "skipped": 1,
    }
    assert report["cameras"]["yard"]["messages"] == 0
    assert report["cameras"]["yard"]["latency_ms"] is None


def test_every_camera_has_to_see_something() -> None:
    """One that sends empty messages, or none, is a failure."""
    clock = Clock()
    tally = DemoTotals(lambda: clock.now_s, lambda: clock.utc_s)
    clock.arrives(tally, detection(1), 0.1)
    assert tally.every_camera_saw_something(["front"])
    assert not tally.every_camera_saw_something(["front", "yard"])
    clock.arrives(tally, dataclasses.replace(detection(1, camera="yard"), detections=()), 0.1)
    assert not tally.every_camera_saw_something(["front", "yard"])
