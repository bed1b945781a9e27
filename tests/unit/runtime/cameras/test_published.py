"""A camera as its messages show it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.messages import detection
from vision.domain.message import DetectionMessage, MessageTime, StatusMessage, utc_text
from vision.domain.status import CameraState
from vision.runtime.cameras.published import PublishedCameras

_NOW_NS = 1_764_000_000_000_000_000


class Clock:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def monotonic_s(self) -> float:
        """Seconds of no particular beginning."""
        return 500.0 + self.passed_s

    def utc_ns(self) -> int:
        """The time of day."""
        return _NOW_NS + round(self.passed_s * 1e9)


def cameras(clock: Clock, *, silence_s: float | None = 30.0) -> PublishedCameras:
    """Cameras by that clock."""
    return PublishedCameras(
        silence_s=lambda _: silence_s, monotonic_s=clock.monotonic_s, utc_ns=clock.utc_ns
    )


def seen(clock: Clock, seq: int, *, ahead_ms: int = 0, skipped: int = 0) -> DetectionMessage:
    """A message of now about a frame that arrived 200 ms ago, captured 50 ms before that."""
    arrived_ns = clock.utc_ns() - 200_000_000
    return replace(
        detection(seq),
        skipped=skipped,
        time=MessageTime(
            captured=utc_text(arrived_ns - 50_000_000 + ahead_ms * 1_000_000),
            source="rtcp",
            clock_offset_ms=None,
            received=utc_text(arrived_ns),
            inferred=utc_text(clock.utc_ns()),
            inference_ms=40.0,
            published=utc_text(clock.utc_ns()),
        ),
    )


def status(clock: Clock, state: str, reason: str = "so it is") -> StatusMessage:
    """A state that holds from now on."""
    now = utc_text(clock.utc_ns())
    return StatusMessage("vision.status/1", "front", "1", state, reason, now, now, None)


def test_everything_is_read_off_the_messages() -> None:
    """Rates by seq and by count, latency and age by the times, labels, size and model."""
    clock = Clock()
    known = cameras(clock)
    assert known.model() is None
    for number in range(11):
        known.on_detections(seen(clock, 1 + 2 * number, skipped=1 if number else 0))
        clock.passed_s += 0.2
    clock.passed_s -= 0.2
    (view,) = known.views()
    assert (view.name, view.state, view.messages) == ("front", CameraState.ONLINE, 11)
    assert view.fps_inferred == pytest.approx(5)
    assert view.fps_in == pytest.approx(10)
    assert view.latency_ms == (250.0, 250.0)
    assert view.frame_age_s == pytest.approx(0.25, abs=0.002)
    assert view.labels == {"person": 11}
    assert view.skipped == {"unspecified": 10}
    assert view.source_size is not None
    assert known.model() == "yolov8n on openvino"
    assert known.names() == ["front"]


def test_a_camera_whose_clock_is_ahead_has_no_negative_latency() -> None:
    """What was captured later than it arrived counts from its arrival, as in the node."""
    clock = Clock()
    known = cameras(clock)
    known.on_detections(seen(clock, 1, ahead_ms=900))
    assert known.views()[0].latency_ms == (200.0, 200.0)


def test_the_last_state_holds_whatever_its_time() -> None:
    """Also after a clock was put back; a state that nobody knows is left out."""
    clock = Clock()
    known = cameras(clock)
    known.on_status(status(clock, "stalled", "no frame"))
    clock.passed_s -= 3600
    known.on_status(status(clock, "online", "frames arrive"))
    (view,) = known.views()
    assert (view.state, view.reason) == (CameraState.ONLINE, "frames arrive")
    assert view.since_ns == clock.utc_ns()
    known.on_status(status(clock, "auth_failed", "the camera refuses the login"))
    assert known.views()[0].state is CameraState.AUTH_FAILED
    known.on_status(status(clock, "dreaming"))
    assert known.views()[0].state is CameraState.ONLINE


@pytest.mark.parametrize(("run", "state"), [("1", CameraState.STALLED), ("2", CameraState.STOPPED)])
def test_the_last_word_of_an_ingest_says_nothing_of_its_successor(
    run: str, state: CameraState
) -> None:
    """A run that ends after a newer one has spoken; what else an older run says holds."""
    clock = Clock()
    known = cameras(clock)
    known.on_status(replace(status(clock, "stalled"), run="2"))
    clock.passed_s += 5
    known.on_status(replace(status(clock, "stopped"), run=run))
    assert known.views()[0].state is state
    known.on_status(replace(status(clock, "reconnecting"), run="1"))
    assert known.views()[0].state is CameraState.RECONNECTING


@pytest.mark.parametrize(
    ("silence_s", "state"), [(30.0, CameraState.STALLED), (None, CameraState.ONLINE)]
)
def test_a_camera_that_only_seems_to_be_online(silence_s: float | None, state: CameraState) -> None:
    """Too long without a message is a failure, unless frames may be kept back for ever."""
    clock = Clock()
    known = cameras(clock, silence_s=silence_s)
    known.on_status(status(clock, "online"))
    known.on_detections(seen(clock, 1))
    clock.passed_s += 29
    assert known.views()[0].state is CameraState.ONLINE
    clock.passed_s += 2
    (view,) = known.views()
    assert view.state is state
    assert view.fps_inferred == 0
    known.on_detections(seen(clock, 2))
    assert known.views()[0].state is CameraState.ONLINE


def test_a_blind_camera_stays_what_it_was_said_to_be() -> None:
    """Silence explains nothing about a camera that has told why it is silent."""
    clock = Clock()
    known = cameras(clock)
    known.on_status(status(clock, "auth_failed", "the camera refuses the login"))
    clock.passed_s += 100
    assert known.views()[0].state is CameraState.AUTH_FAILED


def test_a_gate_is_read_off_the_messages() -> None:
    """Frames that were held back since the last message mean that the scene is still."""
    clock = Clock()
    known = cameras(clock)
    known.on_detections(seen(clock, 1))
    assert known.views()[0].gate == {}
    known.on_detections(replace(seen(clock, 2), gated=40))
    assert (known.views()[0].gate, known.views()[0].is_still) == ({"passed": 2, "held": 40}, True)
    known.on_detections(replace(seen(clock, 3), gated=40))
    assert not known.views()[0].is_still


def test_a_camera_that_was_removed_is_shown_only_to_who_asks() -> None:
    cameras = PublishedCameras(silence_s=lambda _: None)
    for state in ("online", "removed"):
        cameras.on_status(
            StatusMessage(
                "vision.status/1", "front", "1", state, "why", utc_text(0), utc_text(0), None
            )
        )
    assert not cameras.views()
    assert not cameras.names()
    (view,) = cameras.views(with_removed=True)
    assert view.state is CameraState.REMOVED
    assert not view.state.delivers
