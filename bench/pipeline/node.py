"""A node as a user starts it, watched from outside: processor time, memory, its own counters."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from bench.models import models_dir
from bench.processes import cpu_by_role, family, rss_mib, spent_s
from vision.runtime.processes.bound_to_parent import bound

_SCRAPE_TIMEOUT_S = 5.0
_STOP_TIMEOUT_S = 30.0
_SKIPPED = "vision_frames_skipped_total"


@dataclass(frozen=True, slots=True)
class Node:
    """A running node.

    Attributes:
        process: Its process.
        port: Of its metrics.
        started_s: When it was started, monotonic.
    """

    process: subprocess.Popen[bytes]
    port: int
    started_s: float

    def skipped(self) -> Counter[str]:
        """Frames skipped since the start, by reason, over all cameras."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        with urllib.request.urlopen(url, timeout=_SCRAPE_TIMEOUT_S) as reply:
            text = reply.read().decode()
        counts: Counter[str] = Counter()
        for metric in text_string_to_metric_families(text):
            for sample in metric.samples:
                if sample.name == _SKIPPED:
                    counts[sample.labels["reason"]] += int(sample.value)
        return counts


@contextmanager
def running_node(folder: Path, settings: Mapping[str, Any]) -> Iterator[Node]:
    """Start a node in ``folder`` and end it; its metrics are on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    document = {"web": {"port": port}, "logs": {"level": "warning"}, **settings}
    (folder / "vision.yaml").write_text(yaml.safe_dump(document))
    command = [sys.executable, "-m", "vision", "run"]
    variables = os.environ | {"VISION_MODELS_DIR": str(models_dir())}
    started_s = time.monotonic()
    with subprocess.Popen(bound(command), cwd=folder, env=variables) as process:
        try:
            yield Node(process, port, started_s)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


@dataclass(slots=True)
class Watch:
    """What processes used between two moments.

    Attributes:
        seconds: Between the two.
        cpu_s: Processor time by role.
        rss_mib: First, last and most of each role, the largest process of it.
    """

    seconds: float
    cpu_s: dict[str, float]
    rss_mib: dict[str, dict[str, float]] = field(default_factory=dict)


def watch(roots: Mapping[str, int], seconds: float) -> Watch:
    """Watch the processes under ``roots``, which are pids by role, for so long."""
    pause = threading.Event()
    memory: dict[int, list[float]] = defaultdict(list)
    before, started_s = cpu_by_role(roots), time.monotonic()
    while (left_s := started_s + seconds - time.monotonic()) > 0:
        for root in roots.values():
            for pid in family(root):
                try:
                    memory[pid].append(rss_mib(pid))
                except (FileNotFoundError, ProcessLookupError):
                    continue
        pause.wait(min(1.0, left_s))
    after, elapsed_s = cpu_by_role(roots), time.monotonic() - started_s
    names = {pid: name for pid, (name, _) in after.items()}
    return Watch(elapsed_s, spent_s(before, after), _memory(memory, names))


def _memory(
    series: Mapping[int, list[float]], names: Mapping[int, str]
) -> dict[str, dict[str, float]]:
    largest: dict[str, dict[str, float]] = {}
    for pid, values in series.items():
        name = names.get(pid, "ended early")
        figures = {"first": values[0], "last": values[-1], "most": max(values)}
        if name not in largest or figures["most"] > largest[name]["most"]:
            largest[name] = {key: round(value, 1) for key, value in figures.items()}
    return largest
