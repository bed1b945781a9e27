"""Where the time goes, each stage by itself, the engine and the slot."""

from __future__ import annotations

from collections.abc import Iterator

from bench.result import Result, Row
from bench.tables import markdown, number


def profile(result: Result) -> Iterator[str]:
    """Shares of processor time by stage and function."""
    for row in result.of("profile"):
        details = row.details
        yield "### Where the processor time goes\n"
        yield (
            f"{row.variant.capitalize()} of {details['camera_fps']} fps, {details['cores_used']:.2f} cores used by "
            f"node, ingest processes and Redis ({details['samples']:,} samples).\n"
        )
        yield markdown(["stage", "share, %"], _shares(details["percent_by_stage"], 0.05))
        yield markdown(
            ["function of ours", "share, %"], _shares(details["percent_by_function"], 0.5)
        )
        yield "[Flame graph](images/bench-flamegraph.svg) of the Python threads.\n"


def _shares(percent: dict[str, float], least: float) -> list[list[str]]:
    return [[f"`{name}`", number(share, 1)] for name, share in percent.items() if share >= least]


def stages(result: Result) -> Iterator[str]:
    """What each stage costs by itself."""
    cases = ("decode", "convert", "preprocess", "postprocess", "encode", "publish")
    rows = [row for case in cases for row in result.of(case)]
    if not rows:
        return
    yield "### Each stage by itself\n"
    yield markdown(
        ["stage", "p50, µs", "p99, µs", "CPU of a thread, µs", "per second"],
        [
            [
                f"{row.case}, {row.variant}",
                number(_first(row, "time_p50_us", "handed_over_to_received_p50_us"), 1),
                number(_first(row, "time_p99_us", "handed_over_to_received_p99_us"), 1),
                number(row.figures.get("cpu_us"), 1),
                number(row.figures.get("per_s")),
            ]
            for row in rows
        ],
    )


def infer(result: Result) -> Iterator[str]:
    """The engine by shape, requests and batch."""
    rows = result.of("infer")
    if not rows:
        return
    yield "### The engine alone\n"
    yield markdown(
        ["network, input, how", "fps", "CPU per frame, ms", "requests"],
        [
            [
                row.variant,
                number(row.figures["fps"], 1),
                number(row.figures["cpu_ms_per_frame"], 1),
                number(row.details["requests"]),
            ]
            for row in rows
        ],
    )


def slot(result: Result) -> Iterator[str]:
    """What a frame costs on its way to the engine."""
    rows = result.of("slot")
    if not rows:
        return
    parts = ("writer_cpu_us", "taker_cpu_us", "redis_cpu_us")
    yield "### The newest-frame slot: shared memory and Redis\n"
    yield markdown(
        [
            "slot",
            "per second",
            "CPU per frame, µs",
            "writer",
            "taker",
            "Redis",
            "p50, ms",
            "p99, ms",
        ],
        [
            [
                row.variant,
                number(row.figures["per_s"]),
                number(row.figures["cpu_us"]),
                *(number(row.figures[part]) for part in parts),
                number(row.figures["latency_p50_us"] / 1000, 1),
                number(row.figures["latency_p99_us"] / 1000, 1),
            ]
            for row in rows
        ],
    )


def _first(row: Row, *names: str) -> float | None:
    return next((row.figures[name] for name in names if name in row.figures), None)
