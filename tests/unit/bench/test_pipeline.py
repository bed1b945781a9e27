"""From rounds of the pipeline to figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.pipeline.case import rate_for
from bench.pipeline.figures import cpu_left, pipeline_figures
from bench.pipeline.interleave import Ceiling, interleaved
from bench.pipeline.tally import Tally
from vision.domain.message import (
    DetectionMessage,
    MessageDetection,
    MessageFrame,
    MessageModel,
    MessageTime,
)


def one_round(fps: float, **changed: Any) -> dict[str, Any]:
    """A round of ten seconds with two cameras on two cores."""
    frames = round(fps * 10)
    values = {
        "seconds": 10.0,
        "counts": {"a": frames // 2, "b": frames - frames // 2},
        "latency_ms": [50.0] * frames,
        "added_ms": [4.0] * frames,
        "age_ms": [30.0] * frames,
        "clock_error_ms": [-1.0] * frames,
        "first_detection_s": 2.0,
        "skipped": {"overtaken": 7},
        "gaps": 0,
        "cpu_s": {"node": 16.0, "ingest": 2.0, "cameras": 1.0, "redis": 0.5, "subscriber": 0.5},
        "rss_mib": {"node": {"most": 280.0}, "ingest": {"most": 70.0}},
        "model": {"name": "yolov8n", "sha256": "ab"},
        "backend": "openvino",
        "input": [384, 640],
    }
    return values | changed


def test_cpu_left_is_what_the_others_do_not_take() -> None:
    """Cameras, decoding, Redis and subscriber took 4 of 20 s of two cores: a fifth."""
    assert cpu_left(one_round(40)["cpu_s"], 2, 10.0) == pytest.approx(0.8)


def test_shares_of_the_ceiling_are_taken_round_by_round() -> None:
    """A round is divided by the ceilings around it, not by those of another hour."""
    rounds = [one_round(40), one_round(20)]
    ceilings = [Ceiling(50, 32), Ceiling(25, 32)]
    figures, details = pipeline_figures(rounds, ceilings, offered_fps=120, cores=2)
    assert figures["of_ceiling"] == 0.8
    assert figures["of_ceiling_at_cpu_left"] == 1.0
    assert figures["fps"] == 30.0
    assert details["skipped"] == {"overtaken": 14}
    assert details["clock_checked_frames"] == 600


def test_the_share_by_cpu_time_compares_cost_of_a_frame() -> None:
    """The engine alone takes 32 ms of a core, in the node a frame takes 40 ms: 0.8."""
    figures, _ = pipeline_figures([one_round(40)], [Ceiling(50, 32)], offered_fps=120, cores=2)
    assert figures["node_cpu_ms_per_frame"] == 40.0
    assert figures["of_ceiling_by_cpu"] == 0.8


def test_an_engine_that_was_asked_for_less_is_not_judged_by_its_ceiling() -> None:
    """With too few frames on offer, how many of them were inferred is what counts."""
    figures, details = pipeline_figures([one_round(28.5)], [Ceiling(60, 32)], 30.0, 2)
    assert figures["of_offered"] == 0.95
    assert "of_ceiling" not in figures
    assert details["of_ceiling"] == 0.475


@pytest.mark.parametrize(
    ("cameras", "ceiling_fps", "camera_fps"),
    [(1, 76, 30), (2, 76, 30), (4, 76, 30), (8, 76, 15), (16, 76, 10), (4, 130, 60), (4, 900, 60)],
)
def test_cameras_ask_for_more_than_the_engine_can_do(
    cameras: int, ceiling_fps: float, camera_fps: int
) -> None:
    """Half as much again is asked for where cameras' rates allow it; one or two are as usual."""
    assert rate_for(cameras, ceiling_fps) == camera_fps


def test_each_job_stands_between_two_ceilings() -> None:
    """Ceiling, job, ceiling, job, ceiling; each job is given the mean of its neighbours."""
    order: list[str] = []
    ceilings = iter([Ceiling(60, 20), Ceiling(50, 30), Ceiling(40, 40)])

    def ceiling() -> Ceiling:
        order.append("ceiling")
        return next(ceilings)

    def job(name: str) -> str:
        order.append(name)
        return name

    done = interleaved([lambda: job("a"), lambda: job("b")], ceiling)
    assert order == ["ceiling", "a", "ceiling", "b", "ceiling"]
    assert done == [("a", Ceiling(55, 25)), ("b", Ceiling(45, 35))]


def message(seq: int, skipped: int = 0, run: str = "1") -> DetectionMessage:
    """Of a frame captured at second 1, received 20 ms later, inferred by 1.070 within 40 ms."""

    def text(ms: int) -> str:
        return f"1970-01-01T00:00:01.{ms:03d}Z"

    return DetectionMessage(
        schema="vision.detections/1",
        id=f"a:{run}-{seq}",
        camera="a",
        run=run,
        seq=seq,
        time=MessageTime(text(0), "rtcp", 20.0, text(20), text(70), 40.0, text(71)),
        frame=MessageFrame(640, 360, seq * 3000, "1/90000"),
        model=MessageModel("yolov8n", "ab", "openvino", (384, 640)),
        detections=(MessageDetection("person", 0, 0.9, (0.1, 0.1, 0.2, 0.2)),),
        skipped=skipped,
        gated=0,
    )


def test_a_message_tells_its_latency_and_what_of_it_is_ours() -> None:
    """Latency counts from capture; what was added, from arrival and without the engine."""
    tally = Tally({"a"}, utc_s=lambda: 1.075)
    tally.open()
    tally.count(message(1))
    (seen,) = tally.seen
    assert seen.latency_ms == pytest.approx(75.0)
    assert seen.added_ms == pytest.approx(15.0)
    assert seen.age_ms == pytest.approx(30.0)
    assert seen.ticks == 3000
    assert seen.captured_ns == 1_000_000_000


def test_only_what_arrives_in_the_window_counts() -> None:
    """Warm-up and what comes late are no figures; a gap over the edge is still known."""
    tally = Tally({"a"}, utc_s=lambda: 1.1)
    tally.count(message(1))
    tally.open()
    tally.count(message(4, skipped=2))
    tally.close()
    tally.count(message(5))
    assert len(tally.seen) == 1
    assert (tally.skipped["a"], tally.gaps) == (2, 0)


def test_a_gap_that_skipped_does_not_explain_is_counted() -> None:
    """A lost message shows; a new run begins anew."""
    tally = Tally({"a"}, utc_s=lambda: 1.1)
    tally.open()
    for one in (message(1), message(4, skipped=1), message(1, skipped=9, run="2")):
        tally.count(one)
    assert tally.gaps == 1


def test_the_start_is_over_once_each_camera_has_spoken() -> None:
    """The window does not open while a camera is still connecting."""
    tally = Tally({"a", "b"}, utc_s=lambda: 1.1)
    tally.count(message(1))
    assert not tally.all_cameras.is_set()
    assert tally.has_detected


def test_the_engine_is_known_by_what_a_node_settles_on() -> None:
    """First frames are padded to the largest input: a ceiling at that one would be too low."""
    padded = message(1)
    tight = replace(message(2), model=replace(padded.model, input=(384, 640)))
    tally = Tally({"a"}, utc_s=lambda: 1.1)
    for one in (padded, tight):
        tally.count(one)
    assert tally.newest is not None
    assert tally.newest.model.input == (384, 640)


def test_a_camera_that_got_nothing_counts_in_the_fairness() -> None:
    """Three cameras served alike and one not at all are not called wholly fair."""
    tally = Tally({"a", "b"}, utc_s=lambda: 1.1)
    tally.open()
    tally.count(message(1))
    assert tally.counts() == {"a": 1, "b": 0}
    starved = one_round(30, counts={"a": 100, "b": 100, "c": 100, "d": 0})
    figures, _ = pipeline_figures([starved], [Ceiling(25, 32)], offered_fps=120, cores=2)
    assert figures["fairness"] == 0.75
