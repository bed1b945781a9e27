"""Results against results, and ratios against committed ones."""

from __future__ import annotations

import pytest

from bench.check import COST_TOLERANCE, RATIO_TOLERANCE, checked, ratios
from bench.compare import changes, differing_inputs, higher_is_better, too_bad
from bench.result import Result, Row


def result(*rows: Row, inputs: dict[str, str] | None = None) -> Result:
    """A result with these rows."""
    return Result({}, inputs or {}, list(rows))


def row(case: str, variant: str, **figures: float) -> Row:
    """A row without details."""
    return Row(case, variant, figures)


@pytest.mark.parametrize(
    ("name", "higher"),
    [
        ("fps", True),
        ("per_s", True),
        ("fairness", True),
        ("of_ceiling", True),
        ("of_ceiling_at_cpu_left", True),
        ("node_times_fps", True),
        ("latency_p99_ms", False),
        ("cpu_us", False),
        ("cpu_ms_per_frame", False),
        ("node_rss_mib", False),
        ("first_detection_s", False),
        ("checked", None),
    ],
)
def test_a_name_tells_what_is_better(name: str, higher: bool | None) -> None:  # noqa: FBT001  a parameter
    """Rates are better upwards, times and memory downwards, and what is neither is left out."""
    assert higher_is_better(name) is higher


def test_a_figure_may_get_worse_by_the_tolerance_and_no_more() -> None:
    """A tenth slower passes at a tolerance of a tenth, a ninth does not."""
    before = result(row("pipeline", "4 cameras", fps=100.0, latency_p50_ms=100.0))
    within = result(row("pipeline", "4 cameras", fps=90.0, latency_p50_ms=110.0))
    beyond = result(row("pipeline", "4 cameras", fps=89.0, latency_p50_ms=112.0))
    assert too_bad(changes(before, within, 0.1 + 1e-9)) == []
    names = [one.name for one in too_bad(changes(before, beyond, 0.1))]
    assert names == ["pipeline, 4 cameras: latency_p50_ms", "pipeline, 4 cameras: fps"]


def test_better_figures_are_never_too_bad() -> None:
    """Twice as fast is no regression, at any tolerance."""
    before = result(row("slot", "redis", per_s=500.0, cpu_us=2000.0))
    after = result(row("slot", "redis", per_s=1000.0, cpu_us=1000.0))
    assert too_bad(changes(before, after, 0.0)) == []
    assert [one.worse_by for one in changes(before, after, 0.0)] == [-1.0, -0.5]


def test_what_only_one_has_is_not_compared() -> None:
    """A row or a figure that is new or gone is no change."""
    before = result(row("slot", "redis", per_s=500.0, cpu_us=1.0), row("encode", "x", cpu_us=9.0))
    after = result(row("slot", "redis", per_s=500.0), row("decode", "y", cpu_us=1.0))
    assert [one.name for one in changes(before, after, 0.1)] == ["slot, redis: per_s"]


def test_what_was_nothing_has_grown_beyond_any_tolerance() -> None:
    """A cost that was zero and is not any more is always told."""
    before = result(row("slot", "shared memory", redis_cpu_us=0.0))
    after = result(row("slot", "shared memory", redis_cpu_us=1.0))
    assert len(too_bad(changes(before, after, 10.0))) == 1


def test_another_clip_of_the_same_name_is_noticed() -> None:
    """Figures of two encoders' clips are not passed off as comparable."""
    before = result(inputs={"bus.mp4": "aa", "yolov8n.onnx": "bb"})
    after = result(inputs={"bus.mp4": "cc", "yolov8n.onnx": "bb", "new.mp4": "dd"})
    assert differing_inputs(before, after) == ["bus.mp4"]


def measured(
    *, of_ceiling: float = 0.95, postprocess_us: float = 200.0, speed: float = 1.0
) -> Result:
    """A run on a machine that is ``speed`` times as fast."""
    return result(
        row("infer", "yolov8n 384x640", fps=60.0 * speed, cpu_ms_per_frame=20.0 / speed),
        row("postprocess", "confidence 0.25", cpu_us=postprocess_us / speed),
        row("pipeline", "4 cameras", of_ceiling=of_ceiling, fairness=1.0, fps=57.0 * speed),
    )


def test_ratios_are_free_of_the_machines_speed() -> None:
    """A machine of half the speed has the same ratios, so the check passes there."""
    assert ratios(measured()) == ratios(measured(speed=0.5))
    assert ratios(measured())["postprocess, confidence 0.25: inference_cost"] == 0.01


def test_a_pipeline_that_reaches_less_of_the_ceiling_fails_the_check() -> None:
    """A share of the ceiling may fall by its tolerance and no more."""
    bad = too_bad(checked(measured(), measured(of_ceiling=0.95 * (0.99 - RATIO_TOLERANCE))))
    assert [one.name for one in bad] == ["pipeline, 4 cameras: of_ceiling"]
    assert not too_bad(checked(measured(), measured(of_ceiling=0.95 * (1.01 - RATIO_TOLERANCE))))


def test_a_stage_that_costs_more_fails_the_check() -> None:
    """The cost of a stage beside the inference may grow by its tolerance and no more."""
    worse = measured(postprocess_us=200 * (1.05 + COST_TOLERANCE))
    (bad,) = too_bad(checked(measured(), worse))
    assert bad.name == "postprocess, confidence 0.25: inference_cost"
    assert not too_bad(checked(measured(), measured(postprocess_us=200 * (0.95 + COST_TOLERANCE))))


def test_a_run_without_inference_has_no_costs() -> None:
    """Costs are told beside the inference of the same run, or not at all."""
    assert ratios(result(row("encode", "5 objects", cpu_us=20.0))) == {}
