"""Ratios within one run, which hold on any machine of a kind, against committed ones.

Never absolute times: how fast a machine is today is no property of the code. Two kinds:

* what the pipeline reaches of the engine's ceiling, measured in turns with it;
* what a stage costs beside the inference of a frame, both in processor time.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.compare import Change, change
from bench.result import Result
from bench.summary import rounded

RATIO_TOLERANCE = 0.1
"""Of shares of the ceiling and of fairness: rounds of one code differ by a few percent."""
COST_TOLERANCE = 0.5
"""Of the cost of a stage: microseconds beside the inference's, whose caches others share."""

_INFERENCE = "384x640"
_STAGES = (
    ("decode", "h264 640x360"),
    ("convert", "1280x720 to 640"),
    ("preprocess", "640x360"),
    ("postprocess", "confidence 0.25"),
    ("encode", "5 objects"),
    ("publish", "saturated"),
    ("slot", "shared memory, 4 cameras"),
)
_SHARES = ("of_ceiling", "of_ceiling_at_cpu_left", "of_ceiling_by_cpu", "fairness")


def ratios(result: Result) -> dict[str, float]:
    """All ratios that a result holds, by name; names of costs end in ``_cost``."""
    return dict(_shares(result)) | dict(_costs(result))


def checked(committed: Result, measured: Result) -> list[Change]:
    """Each ratio that both have."""
    before, after = ratios(committed), ratios(measured)
    return [
        change(
            name,
            value,
            after[name],
            COST_TOLERANCE if name.endswith("_cost") else RATIO_TOLERANCE,
            higher=not name.endswith("_cost"),
        )
        for name, value in before.items()
        if name in after
    ]


def _shares(result: Result) -> Iterator[tuple[str, float]]:
    for row in result.of("pipeline"):
        for name in _SHARES:
            if name in row.figures:
                yield f"pipeline, {row.variant}: {name}", row.figures[name]


def _costs(result: Result) -> Iterator[tuple[str, float]]:
    inference_us = next(
        (
            row.figures["cpu_ms_per_frame"] * 1000
            for row in result.of("infer")
            if row.variant.endswith(_INFERENCE)
        ),
        None,
    )
    if inference_us is None:
        return
    figures = {row.key: row.figures for row in result.rows}
    for case, variant in _STAGES:
        if (case, variant) in figures:
            cost = figures[case, variant]["cpu_us"] / inference_us
            yield f"{case}, {variant}: inference_cost", rounded(cost)
