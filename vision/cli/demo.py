"""``vision demo``: everything at once, without a camera."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vision.cli.transfers import ConsoleTransfers
from vision.domain.noop import noop
from vision.runtime.processes.descriptors import raise_limit
from vision.runtime.processes.lifecycle import stop_on_signals
from vision.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from simulator.demo.demo import DemoReading
    from vision.cli.main import Subparsers
    from vision.telemetry.camera_view import CameraView

_LINE_EVERY_S = 5.0
_SHOWN_LABELS = 4
_MOST_CAMERAS = 64


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "demo", help="simulated cameras, embedded Redis, the node and a live page"
    )
    add = parser.add_argument
    add("--seconds", type=_positive, metavar="N", help="end after N seconds")
    add("--json", action="store_true", help="print one JSON document at the end, nothing else")
    add("--video", type=Path, metavar="FILE", help="H.264 or H.265 clip for all cameras")
    add("--cameras", type=_cameras, default=2, metavar="N", help="simulated cameras (%(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo; 0 only if every camera delivered a detection."""
    from simulator.demo.demo import Demo, DemoOptions  # noqa: PLC0415  engines load slowly
    from simulator.demo.totals import DemoTotals  # noqa: PLC0415  as above

    raise_limit()
    configure_logs("warning", "text", sys.stderr)
    # Redis and the node end one after the other: that the subscriber loses it is no news.
    logging.getLogger("vision.publishing.reading.subscriber").setLevel("ERROR")
    tally = DemoTotals()
    options = DemoOptions(args.cameras, args.seconds, args.video)
    stop = threading.Event()
    with stop_on_signals(stop), _screen(as_json=args.json) as show:
        last = Demo(options, ConsoleTransfers(), tally).run(stop, show)
    seen = tally.every_camera_saw_something([view.name for view in last.views])
    if args.json:
        print(json.dumps(tally.report(last.views)))
    elif not seen:
        print("not every camera delivered a detection", file=sys.stderr)
    return 0 if seen else 1


def _screen(*, as_json: bool) -> AbstractContextManager[Callable[[DemoReading], None]]:
    console = Console()
    if as_json:
        return nullcontext(noop)
    if console.is_terminal:
        return _LiveTable(console)
    return nullcontext(_Lines(console))


class _LiveTable:
    """A table that updates in place, from the first reading on."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=False)
        self._started = False

    def __enter__(self) -> Callable[[DemoReading], None]:
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._started:
            self._live.stop()

    def _show(self, reading: DemoReading) -> None:
        if not self._started:
            # Not before: the bars of a download use the terminal until then.
            self._started = True
            self._live.start()
        self._live.update(Group(_table(reading), _hints(reading)), refresh=True)


class _Lines:
    """The table every few seconds, for a log file or a pipe."""

    def __init__(self, console: Console) -> None:
        self._console = Console(width=140) if not console.is_terminal else console
        self._next_s = 0.0

    def __call__(self, reading: DemoReading) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            if not self._next_s:
                self._console.print(_hints(reading))
            self._next_s = now_s + _LINE_EVERY_S
            self._console.print(_table(reading))


def _table(reading: DemoReading) -> Table:
    table = Table(title="Ariia Vision", title_justify="left", expand=False)
    for heading, justify in (
        ("camera", "left"),
        ("state", "left"),
        ("fps in", "right"),
        ("fps inferred", "right"),
        ("newest frame", "right"),
        ("seen so far", "left"),
        ("latency p50 / p99", "right"),
        ("skipped", "right"),
    ):
        table.add_column(heading, justify=justify, no_wrap=heading != "seen so far")  # type: ignore[arg-type]
    for view in reading.views:
        table.add_row(*_row(view, reading.tally.latency_ms(view.name)))
    return table


def _row(view: CameraView, latency_ms: tuple[float, float] | None) -> tuple[Text | str, ...]:
    online = view.state.delivers
    labels = sorted(view.labels.items(), key=lambda item: -item[1])[:_SHOWN_LABELS]
    return (
        view.name,
        Text(view.state.value, style="green" if online else "bold red"),
        f"{view.fps_in:.1f}",
        f"{view.fps_inferred:.1f}",
        "-" if view.frame_age_s is None else f"{view.frame_age_s * 1000:.0f} ms",
        ", ".join(f"{label} {count}" for label, count in labels) if online else view.reason,
        "-" if latency_ms is None else f"{latency_ms[0]:.0f} / {latency_ms[1]:.0f} ms",
        str(sum(view.skipped.values())),
    )


def _hints(reading: DemoReading) -> Text:
    text = Text()
    if reading.page:
        text.append("live page    ", style="dim")
        text.append(f"{reading.page}\n", style="bold")
    text.append("subscribe    ", style="dim")
    text.append(f"{sys.argv[0]} tail --config {reading.config}\n")
    text.append("latency is from the camera's shutter to a Redis subscriber; Ctrl-C ends", "dim")
    return text


def _positive(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return seconds


def _cameras(text: str) -> int:
    number = int(text)
    if not 1 <= number <= _MOST_CAMERAS:
        raise argparse.ArgumentTypeError(f"{text}: 1 to {_MOST_CAMERAS} cameras")
    return number
