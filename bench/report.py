"""``docs/performance.md`` from a result: tables between markers, plots beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.plots import cameras_of, plot_all, scaling_rows
from bench.result import Result, Row
from bench.tables import markdown, number
from vision.domain.errors import ConfigError

_DOCS = Path(__file__).parents[1] / "docs"
_BEGIN, _END = "<!-- bench: begin -->", "<!-- bench: end -->"
# Less than this is no lead.
_AHEAD = 0.01
_PERCENTILES = ("p50", "p95", "p99", "max")


def write_report(result: Result, name: str) -> list[Path]:
    """Write the page and its plots; what stands outside of the markers stays."""
    page = _DOCS / "performance.md"
    plots = plot_all(result, _DOCS / "images")
    page.write_text(replaced(page.read_text(encoding="utf-8"), rendered(result, name)))
    return [page, *plots]


def replaced(page: str, text: str) -> str:
    """The page with ``text`` between its markers.

    Raises:
        ConfigError: It has no markers.
    """
    head, begin, rest = page.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not begin or not end:
        raise ConfigError(f"docs/performance.md: {_BEGIN} and {_END} are not in it: add them")
    return f"{head}{begin}\n\n{text.strip()}\n\n{end}{tail}"


def rendered(result: Result, name: str) -> str:
    """All sections that the result has rows for."""
    sections = [
        _machine(result, name),
        *_pipeline(result),
        *_half_load(result),
        *_peers(result),
        *_profile(result),
        *_stages(result),
        *_infer(result),
        *_slot(result),
    ]
    return "\n".join(sections)


def _machine(result: Result, name: str) -> str:
    where = result.machine
    packages = ", ".join(f"{package} {version}" for package, version in where["packages"].items())
    instructions = ", ".join(where["instructions"]) or "no vector instructions worth naming"
    return (
        f"`{where['command']}` on {where['cores']} cores of an {where['processor']} virtual machine\n"
        f"({instructions}), {where['memory_gib']} GiB, {where['system']}, {where['measured_at'][:10]}, "
        f"load before {where['load_before']}.\n"
        f"Python {where['python']}, {packages}, Redis {where['redis_server']}.\n"
        f"The figures as measured: [bench/results/{name}.json](../bench/results/{name}.json).\n"
    )


def _pipeline(result: Result) -> Iterator[str]:
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


def _half_load(result: Result) -> Iterator[str]:
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


def _peers(result: Result) -> Iterator[str]:
    rows = result.of("peers")
    if not rows:
        return
    head = ["cameras, program", "inferred, fps", "÷ ceiling", "Ariia Vision is", "latency p50, ms"]
    head += ["p99, ms", "fairness", "CPU per frame, ms", "memory, MiB", "start, s"]
    yield "### Beside its peers\n"
    yield markdown(
        head,
        [
            [
                row.variant,
                number(row.figures["fps"], 1),
                number(row.figures.get("of_ceiling", row.details.get("of_ceiling")), 2),
                _times(row.figures.get("node_times_fps")),
                number(row.figures.get("latency_p50_ms")),
                number(row.figures.get("latency_p99_ms")),
                number(row.figures["fairness"], 3),
                number(row.figures["cpu_ms_per_frame"], 1),
                number(_memory(row)),
                number(row.figures["first_detection_s"], 1),
            ]
            for row in rows
        ],
    )
    yield _winners(rows)
    versions: dict[str, str] = {}
    for row in rows:
        versions |= row.details.get("versions", {})
    yield ", ".join(f"{name} {version}" for name, version in versions.items()) + ".\n"
    yield "![Frames per second beside peers](images/bench-peers.svg)\n"


def _winners(rows: list[Row]) -> str:
    """Where a peer is ahead of the node, in words."""
    lines = []
    for count in dict.fromkeys(cameras_of(row) for row in rows):
        ours, *theirs = (row for row in rows if cameras_of(row) == count)
        for name, label, sign in (
            ("fps", "frames per second", 1),
            ("latency_p50_ms", "median latency", -1),
            ("latency_p99_ms", "latency p99", -1),
            ("cpu_ms_per_frame", "processor time per frame", -1),
            ("fairness", "fairness", 1),
        ):
            ahead = [
                row.variant.partition(", ")[2]
                for row in theirs
                if name in row.figures
                and (row.figures[name] / ours.figures[name] - 1) * sign > _AHEAD
            ]
            if ahead:
                lines.append(f"- {count} cameras, {label}: {', '.join(ahead)}.")
    return "\n".join(["Where peers win:", "", *(lines or ["- nowhere in this table."])]) + "\n"


def _profile(result: Result) -> Iterator[str]:
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


def _stages(result: Result) -> Iterator[str]:
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


def _infer(result: Result) -> Iterator[str]:
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


def _slot(result: Result) -> Iterator[str]:
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


def _memory(row: Row) -> float:
    if "rss_mib" in row.figures:
        return row.figures["rss_mib"]
    return row.figures["node_rss_mib"] + cameras_of(row) * row.figures["ingest_rss_mib"]


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} x"


def _first(row: Row, *names: str) -> float | None:
    return next((row.figures[name] for name in names if name in row.figures), None)
