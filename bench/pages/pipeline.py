"""The pipeline by number of cameras, and what it adds at half load."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.result import Result, Row, cameras_of, scaling_rows
from bench.tables import markdown, number

_PERCENTILES = ("p50", "p95", "p99", "max")


def pipeline(result: Result) -> Iterator[str]:
    """Throughput, latency, processor time and memory by number of cameras."""
    rows = scaling_rows(result)
    if not rows:
        return
    head = ["cameras x fps", "inferred, fps", "engine alone", "CPU left"]
    head += [
        "÷ ceiling",
        "÷ ceiling at the CPU left",
        "by CPU time",
        "fairness",
        "CPU per frame, ms",
    ]
    yield "### The pipeline by number of cameras\n"
    yield markdown(
        head,
        [
            [
                _cameras(row),
                number(row.figures["fps"], 1),
                number(row.details["ceiling_fps"], 1),
                number(row.details["cpu_left"], 2),
                _share(row, "of_ceiling"),
                _share(row, "of_ceiling_at_cpu_left"),
                number(row.figures["of_ceiling_by_cpu"], 2),
                number(row.figures["fairness"], 3),
                number(row.figures["cpu_ms_per_frame"], 1),
            ]
            for row in rows
        ],
    )
    yield "In parentheses where fewer frames were asked for than the engine can do.\n"
    yield "![Frames per second by number of cameras](images/bench-throughput.svg)\n"
    yield _latencies(rows)
    yield "![Latency by number of cameras](images/bench-latency.svg)\n"
    yield _costs(rows)
    yield _clock(result, rows)


def _latencies(rows: list[Row]) -> str:
    head = ["cameras x fps", *(f"latency {label}, ms" for label in _PERCENTILES)]
    head += ["added p50, ms", "added p99, ms", "age p99, ms", "skipped by reason"]
    return markdown(
        head,
        [
            [
                _cameras(row),
                *(number(row.figures[f"latency_{label}_ms"]) for label in _PERCENTILES),
                number(row.figures["added_p50_ms"], 1),
                number(row.figures["added_p99_ms"], 1),
                number(row.figures["age_p99_ms"]),
                _skipped(row),
            ]
            for row in rows
        ],
    )


def _costs(rows: list[Row]) -> str:
    roles = ("node", "ingest", "redis", "cameras", "subscriber")
    head = ["cameras x fps", *(f"{role}, cores" for role in roles)]
    head += ["node, MiB", "an ingest process, MiB", "start to first detection, s"]
    return markdown(
        head,
        [
            [
                _cameras(row),
                *(number(row.details["cpu_s_per_s"].get(role), 2) for role in roles),
                number(row.figures["node_rss_mib"]),
                number(row.figures["ingest_rss_mib"]),
                number(row.figures["first_detection_s"], 1),
            ]
            for row in rows
        ],
    )


def _clock(result: Result, rows: list[Row]) -> str:
    checked = sum(row.details["clock_checked_frames"] for row in rows)
    gaps = sum(row.details["unexplained_gaps"] for row in rows)
    worst = max(
        (max(map(abs, row.details["clock_error_ms"].values()), default=0.0) for row in rows),
        default=0.0,
    )
    text = (
        f"Of {number(checked)} messages the capture time was compared with the moment at which the\n"
        f"camera sent the frame: the largest of the percentiles of any row is off by {worst:.1f} ms.\n"
        f"Gaps that `skipped` does not explain: {gaps}.\n"
    )
    for row in result.of("clock"):
        text += (
            f"Of {row.details['checked']} frames whose number was read from the picture, RTCP time was "
            f"off by {row.figures['clock_error_p50_ms']:.1f} ms (p50) and\n"
            f"{row.figures['clock_error_max_ms']:.1f} ms (max).\n"
        )
    return text


def half_load(result: Result) -> Iterator[str]:
    """Latency where the engine is idle half of the time."""
    for row in result.of("pipeline"):
        if not row.variant.endswith("half load"):
            continue
        figures = row.figures
        yield "### What the pipeline adds\n"
        yield (
            f"{row.variant.capitalize()} ({row.details['offered_fps']:.1f} frames per second asked for, "
            f"{figures['fps']:.1f} inferred):\n"
        )
        head = ["", *_PERCENTILES]
        yield markdown(
            head,
            [
                [label, *(number(figures[f"{name}_{part}_ms"], 1) for part in _PERCENTILES)]
                for label, name in (
                    ("capture to subscriber, ms", "latency"),
                    ("of this besides arrival and engine, ms", "added"),
                )
            ],
        )


def _cameras(row: Row) -> str:
    count = cameras_of(row)
    return f"{count} x {row.details['offered_fps'] / count:g}"


def _share(row: Row, name: str) -> str:
    if name in row.figures:
        return number(row.figures[name], 2)
    return f"({number(row.details[name], 2)})"


def _skipped(row: Row) -> str:
    skipped: dict[str, Any] = row.details["skipped"]
    return ", ".join(f"{count} {reason}" for reason, count in skipped.items() if count) or "none"
