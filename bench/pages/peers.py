"""The node beside its peers, and where they win."""

from __future__ import annotations

from collections.abc import Iterator

from bench.result import Result, Row, cameras_of
from bench.tables import markdown, number

# Less than this is no lead.
_AHEAD = 0.01


def peers(result: Result) -> Iterator[str]:
    """A row per program and number of cameras, and in words where a peer is ahead."""
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


def _memory(row: Row) -> float:
    if "rss_mib" in row.figures:
        return row.figures["rss_mib"]
    return row.figures["node_rss_mib"] + cameras_of(row) * row.figures["ingest_rss_mib"]


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} x"
