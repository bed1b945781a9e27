"""What the live page costs: a viewer, and clients that mean harm, beside nobody at all."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.pipeline.site import Running, Site, running
from bench.processes import cpu_by_role, spent_s
from bench.result import Row
from vision.runtime.processes.bound_to_parent import bound

# Half of what two cores infer: what the page takes can show in the frames, not only in waits.
_CAMERAS, _FPS = 2, 5
_REQUESTS, _SLOW_CLIENTS = 10_000, 200
_SETTLE_S = 2.0


@dataclass(slots=True)
class _Phase:
    """All that was measured while the same clients were there."""

    seconds: float = 0.0
    messages: int = 0
    node_cpu_s: float = 0.0
    clients: dict[str, Any] = field(default_factory=dict)


def page_rows(model: str, seconds: float, rounds: int, say: Callable[[str], None]) -> list[Row]:
    """A row for nobody, a viewer and a flood, with nobody before and after each."""
    phases = {"nobody": _Phase(), "one viewer": _Phase(), "flood": _Phase()}
    # The site is to run for longer than its own window: what is measured here is timed here.
    with running(Site(_CAMERAS, 2 * _FPS, _FPS, model)) as site:
        url = f"http://127.0.0.1:{site.node.port}/"
        pause = threading.Event()
        for _ in range(rounds):
            _alone(site, phases["nobody"], seconds, say)
            say("page: one viewer")
            _with_clients(site, phases["one viewer"], "viewer", url, f"--seconds={seconds}")
            pause.wait(_SETTLE_S)
            _alone(site, phases["nobody"], seconds, say)
            say(f"page: {_REQUESTS} requests and {_SLOW_CLIENTS} slow clients")
            counts = (f"--requests={_REQUESTS}", f"--slow={_SLOW_CLIENTS}")
            _with_clients(site, phases["flood"], "flood", url, *counts)
            pause.wait(_SETTLE_S)
            _alone(site, phases["nobody"], seconds, say)
    return [_row(name, phase) for name, phase in phases.items()]


def _alone(site: Running, phase: _Phase, seconds: float, say: Callable[[str], None]) -> None:
    say("page: nobody looks")
    with _measured(site, phase):
        threading.Event().wait(seconds)


def _with_clients(site: Running, phase: _Phase, *arguments: str) -> None:
    command = [sys.executable, "-m", "bench.page_clients", *arguments]
    with subprocess.Popen(bound(command), stdout=subprocess.PIPE, text=True) as clients:
        assert clients.stdout is not None  # noqa: S101  told to the type checker
        clients.stdout.readline()
        with _measured(site, phase):
            counts = clients.stdout.read()
    for name, count in json.loads(counts).items():
        phase.clients[name] = phase.clients.get(name, 0) + count


@contextmanager
def _measured(site: Running, phase: _Phase) -> Iterator[None]:
    roots = {"node": site.node.process.pid}
    site.tally.seen.clear()
    before, started_s = cpu_by_role(roots), time.monotonic()
    site.tally.open()
    yield
    site.tally.close()
    phase.seconds += time.monotonic() - started_s
    phase.messages += len(site.tally.seen)
    phase.node_cpu_s += spent_s(before, cpu_by_role(roots))["node"]


def _row(name: str, phase: _Phase) -> Row:
    figures = {
        "fps": phase.messages / phase.seconds,
        # Of one core, without the ingest processes.
        "node_cpu_percent": 100 * phase.node_cpu_s / phase.seconds,
        "seconds": phase.seconds,
    }
    return Row("page", name, figures | phase.clients, {"cameras": _CAMERAS})
