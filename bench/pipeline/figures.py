"""From rounds to the figures of a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bench.pipeline.interleave import Ceiling
from bench.summary import jain, percentiles, rounded, spread

OTHERS = ("cameras", "ingest", "redis", "subscriber", "resource tracker")
"""Who takes processor time from the engine though it is not the engine's to take."""
_SATURATED = 1.2


def cpu_left(cpu_s: Mapping[str, float], cores: int, seconds: float) -> float:
    """Share of the machine that cameras, decoding, Redis and subscriber leave to the node."""
    others_s = sum(cpu_s.get(name, 0.0) for name in OTHERS)
    return max(0.0, 1 - others_s / (cores * seconds))


def pipeline_figures(
    rounds: Sequence[Mapping[str, Any]],
    ceilings: Sequence[Ceiling],
    offered_fps: float,
    cores: int,
) -> tuple[dict[str, float], dict[str, Any]]:
    """Figures and details of one number of cameras.

    Args:
        rounds: As :func:`bench.pipeline.round.measure` answers.
        ceilings: For each round, the mean of those before and after it.
        offered_fps: Frames per second that the node was asked for.
        cores: Of the machine.
    """
    rates = [sum(one["counts"].values()) / one["seconds"] for one in rounds]
    left = [cpu_left(one["cpu_s"], cores, one["seconds"]) for one in rounds]
    shares = [fps / top.fps for fps, top in zip(rates, ceilings, strict=True)]
    of_left = [share / free for share, free in zip(shares, left, strict=True)]
    ceiling_fps = float(np.mean([top.fps for top in ceilings]))
    ceiling_cpu_ms = float(np.mean([top.cpu_ms_per_frame for top in ceilings]))
    node_cpu_ms = _per_frame(rounds, ("node",))
    figures = {
        "fps": rounded(float(np.mean(rates))),
        **pooled(rounds, "latency_ms"),
        **pooled(rounds, "added_ms"),
        **pooled(rounds, "age_ms"),
        "fairness": jain(_sum(one["counts"] for one in rounds).values()),
        "cpu_ms_per_frame": _per_frame(rounds, ("node", "ingest", "resource tracker")),
        "node_cpu_ms_per_frame": node_cpu_ms,
        "of_ceiling_by_cpu": rounded(ceiling_cpu_ms / node_cpu_ms),
        "first_detection_s": rounded(
            float(np.median([one["first_detection_s"] for one in rounds]))
        ),
        "node_rss_mib": max(one["rss_mib"]["node"]["most"] for one in rounds),
        "ingest_rss_mib": max(one["rss_mib"]["ingest"]["most"] for one in rounds),
    }
    ratios = {
        "of_ceiling": rounded(float(np.mean(shares))),
        "of_ceiling_at_cpu_left": rounded(float(np.mean(of_left))),
    }
    details: dict[str, Any] = {
        "offered_fps": offered_fps,
        "ceiling_fps": rounded(ceiling_fps),
        "ceiling_cpu_ms_per_frame": rounded(ceiling_cpu_ms),
        "cpu_left": rounded(float(np.mean(left))),
        "spread_of_fps": spread(rates),
        "fps_by_camera": {
            name: rounded(count / sum(one["seconds"] for one in rounds))
            for name, count in sorted(_sum(one["counts"] for one in rounds).items())
        },
        "cpu_s_per_s": _shares(rounds),
        "skipped": dict(_sum(one["skipped"] for one in rounds)),
        "unexplained_gaps": sum(one["gaps"] for one in rounds),
        "rss_mib": rounds[-1]["rss_mib"],
        "clock_error_ms": pooled(rounds, "clock_error_ms"),
        "clock_checked_frames": sum(len(one["clock_error_ms"]) for one in rounds),
        "rounds": len(rounds),
        "seconds": rounded(sum(one["seconds"] for one in rounds)),
        **{name: rounds[-1][name] for name in ("model", "backend", "input")},
    }
    # With fewer frames than the engine could take, the share says nothing of the pipeline.
    if offered_fps >= _SATURATED * ceiling_fps:
        figures |= ratios
    else:
        figures["of_offered"] = rounded(figures["fps"] / offered_fps)
        details |= ratios
    return figures, details


def pooled(rounds: Sequence[Mapping[str, Any]], name: str) -> dict[str, float]:
    """Percentiles over the values of all rounds; ``name`` ends in its unit."""
    what, _, unit = name.rpartition("_")
    return percentiles((value for one in rounds for value in one[name]), what, unit)


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for count in counts:
        # Unlike the sum of counters, this keeps what is zero.
        total.update(count)
    return total


def _per_frame(rounds: Sequence[Mapping[str, Any]], names: Sequence[str]) -> float:
    used_s = sum(one["cpu_s"].get(name, 0.0) for one in rounds for name in names)
    frames = sum(sum(one["counts"].values()) for one in rounds)
    return rounded(used_s / max(1, frames) * 1000)


def _shares(rounds: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Processor time a second by role, in cores."""
    names = dict.fromkeys(name for one in rounds for name in one["cpu_s"])
    seconds = sum(one["seconds"] for one in rounds)
    return {
        name: rounded(sum(one["cpu_s"].get(name, 0.0) for one in rounds) / seconds)
        for name in names
    }
