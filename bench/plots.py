"""Plots of a result as SVG, for the documentation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.result import Result, Row, cameras_of, scaling_rows
from vision.domain.errors import ConfigError

_INCHES = (7.0, 3.6)
# Colours that colour-blind readers tell apart (Okabe and Ito).
_COLOURS = ("#0072B2", "#E69F00", "#D55E00", "#009E73")


def plot_all(result: Result, folder: Path) -> list[Path]:
    """Write each plot that the result has rows for.

    Raises:
        ConfigError: Matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: PLC0415  an extra

        mpl.use("svg")
        from matplotlib import pyplot as plt  # noqa: PLC0415  an extra
    except ImportError:
        raise ConfigError(
            "Matplotlib is not installed: pip install 'ariia-vision[bench]'"
        ) from None
    # The same figures shall give the same file.
    mpl.rcParams["svg.hashsalt"] = "bench"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, rows, draw in _plots(result):
        if rows:
            figure, axes = plt.subplots(figsize=_INCHES, layout="constrained")
            draw(axes, rows)
            path = folder / f"bench-{name}.svg"
            figure.savefig(path, metadata={"Date": None})
            plt.close(figure)
            path.write_text(
                "\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n"
            )
            written.append(path)
    return written


def _plots(result: Result) -> list[tuple[str, list[Row], Callable[[Any, list[Row]], None]]]:
    rows = scaling_rows(result)
    return [
        ("latency", rows, _latency),
        ("throughput", rows, _throughput),
        ("peers", result.of("peers"), _peers),
    ]


def _latency(axes: Any, rows: list[Row]) -> None:
    for label, colour in zip(("p50", "p95", "p99"), _COLOURS, strict=False):
        values = [row.figures[f"latency_{label}_ms"] for row in rows]
        axes.plot([cameras_of(row) for row in rows], values, "o-", label=label, color=colour)
    _cameras_axis(axes, rows)
    axes.set_ylabel("capture to subscriber, ms")


def _throughput(axes: Any, rows: list[Row]) -> None:
    x = [cameras_of(row) for row in rows]
    left = [row.details["ceiling_fps"] * row.details["cpu_left"] for row in rows]
    lines = (
        ("engine alone", [row.details["ceiling_fps"] for row in rows], "--"),
        ("engine alone at the CPU left", left, ":"),
        ("pipeline", [row.figures["fps"] for row in rows], "o-"),
        ("asked for", [row.details["offered_fps"] for row in rows], "x"),
    )
    for (label, values, style), colour in zip(lines, _COLOURS, strict=True):
        axes.plot(x, values, style, label=label, color=colour)
    _cameras_axis(axes, rows)
    axes.set_ylabel("frames inferred per second")


def _cameras_axis(axes: Any, rows: list[Row]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks([cameras_of(row) for row in rows], [str(cameras_of(row)) for row in rows])
    axes.set_xlabel("cameras")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()


def _peers(axes: Any, rows: list[Row]) -> None:
    names = list(dict.fromkeys(row.variant.partition(", ")[2] for row in rows))
    counts = list(dict.fromkeys(cameras_of(row) for row in rows))
    height = 0.8 / len(counts)
    for place, (count, colour) in enumerate(zip(counts, _COLOURS, strict=False)):
        own = {row.variant.partition(", ")[2]: row for row in rows if cameras_of(row) == count}
        values = [own[name].figures["fps"] if name in own else 0.0 for name in names]
        places = [-number - place * height for number in range(len(names))]
        bars = axes.barh(places, values, height, label=f"{count} cameras", color=colour)
        axes.bar_label(bars, fmt="%.1f", padding=3)
    middle = (len(counts) - 1) * height / 2
    axes.set_yticks([-number - middle for number in range(len(names))], names)
    axes.margins(x=0.1)
    axes.set_xlabel("frames inferred per second, all cameras")
    axes.legend()
