"""Simulated cameras through a node to a Redis subscriber: latency, rates, memory.

The cameras run in a process of their own and tell their clock by RTCP; the node is
``vision run`` as a user starts it; the subscriber is another connection to the same Redis.
Latency is from the camera's clock to the arrival at the subscriber.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bench.machine import machine
from bench.processes import cpu_s, family, role, rss_mib
from vision.artefacts.folders import Folders
from vision.artefacts.progress import NoProgress
from vision.config.secrets import REDIS_PASSWORD, write_secret
from vision.config.topics import RedisSettings
from vision.domain.message import DetectionMessage
from vision.publishing.cursor import DetectionCursor
from vision.publishing.subscriber import Subscriber
from vision.runtime.embedded_redis import EmbeddedRedis
from vision.runtime.simulated_cameras import SimulatedCameras
from vision.simulate.pan import pulled_pan

_WARM_UP_S = 5.0
_PASSWORD = "bench"  # noqa: S105  of a Redis that lives as long as the run, on loopback


@dataclass
class _Camera:
    latencies_ms: list[float] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)
    skipped: int = 0
    gaps: int = 0
    first: tuple[str, int] | None = None
    last: tuple[str, int] | None = None


@dataclass
class Tally:
    """What the subscriber counted after the warm-up."""

    starts_s: float
    cameras: dict[str, _Camera] = field(default_factory=lambda: defaultdict(_Camera))

    def count(self, message: DetectionMessage) -> None:
        """Count a message that has just arrived."""
        if time.monotonic() < self.starts_s:
            return
        camera = self.cameras[message.camera]
        captured_s = _seconds(message.time.captured)
        camera.latencies_ms.append((time.time() - captured_s) * 1000)
        inferred_ms = (_seconds(message.time.inferred) - captured_s) * 1000
        camera.ages_ms.append(inferred_ms - message.time.inference_ms)
        if camera.last is not None:
            run, seq = camera.last
            camera.skipped += message.skipped
            camera.gaps += message.run == run and message.seq != seq + 1 + message.skipped
        camera.last = message.run, message.seq


def add_parser(subparsers: Any) -> None:
    """Add the case to the parser."""
    parser = subparsers.add_parser("pipeline", help="cameras, node and subscriber")
    parser.add_argument("--cameras", type=int, default=4, metavar="N")
    parser.add_argument("--fps", type=float, default=10.0, help="asked of each camera")
    parser.add_argument("--seconds", type=float, default=30.0, help="after a warm-up of 5 s")
    parser.add_argument("--model", default="auto", help="name in the catalogue")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure once."""
    names = [f"camera-{number + 1}" for number in range(args.cameras)]
    with tempfile.TemporaryDirectory(prefix="vision-bench-") as name:
        folder = Path(name)
        secrets_dir = folder / "secrets"
        secrets_dir.mkdir(mode=0o700)
        write_secret(secrets_dir / REDIS_PASSWORD, _PASSWORD)
        cameras = SimulatedCameras(
            dict.fromkeys(names, pulled_pan("bus", NoProgress())), secrets_dir
        )
        with cameras, EmbeddedRedis(folder / "redis", _PASSWORD) as redis:
            settings = {
                "redis": {"url": redis.url},
                "model": {"name": args.model},
                "web": {"enabled": False},
                "logs": {"level": "warning"},
                "cameras": {
                    camera: {"url": url, "fps": args.fps} for camera, url in cameras.urls.items()
                },
            }
            (folder / "vision.yaml").write_text(yaml.safe_dump(settings))
            return _measure(args, folder, redis.url)


def _measure(args: argparse.Namespace, folder: Path, redis_url: str) -> dict[str, Any]:
    models = Folders.of(Path(named) if (named := os.environ.get("VISION_MODELS_DIR")) else None)
    command = [sys.executable, "-m", "vision", "run"]
    variables = os.environ | {"VISION_MODELS_DIR": str(models.models.resolve())}
    started_s = time.monotonic()
    tally = Tally(started_s + _WARM_UP_S)
    stop = threading.Event()
    first_s: list[float] = []

    def listen() -> None:
        subscriber = Subscriber(RedisSettings(url=redis_url), lambda: _PASSWORD, DetectionCursor)
        for received in subscriber.messages(stop):
            if not first_s and received.message.detections:
                first_s.append(time.monotonic() - started_s)
            tally.count(received.message)

    with subprocess.Popen(command, cwd=folder, env=variables) as node:
        listener = threading.Thread(target=listen)
        listener.start()
        try:
            samples = _sample(node, started_s + _WARM_UP_S, args.seconds)
        finally:
            stop.set()
            listener.join()
            node.send_signal(signal.SIGTERM)
    return {
        "case": "pipeline",
        "machine": machine(),
        "cameras": args.cameras,
        "fps_asked": args.fps,
        "seconds": args.seconds,
        "first_detection_s": round(first_s[0], 2) if first_s else None,
        **_summary(tally, args.seconds),
        **samples(sum(len(camera.latencies_ms) for camera in tally.cameras.values())),
    }


def _sample(node: subprocess.Popen[bytes], starts_s: float, seconds: float) -> Any:
    """Watch memory and processor time each second while the case runs."""
    pause = threading.Event()
    pause.wait(starts_s - time.monotonic())
    memory: dict[int, list[float]] = defaultdict(list)
    cpu_before = {pid: cpu_s(pid) for pid in family(node.pid)}
    while time.monotonic() < starts_s + seconds:
        for pid in family(node.pid):
            memory[pid].append(rss_mib(pid))
        pause.wait(1.0)
    cpu_after = {pid: cpu_s(pid) for pid in family(node.pid)}
    names = {pid: role(pid, node.pid) for pid in cpu_after}
    used_s = sum(cpu_after[pid] - cpu_before.get(pid, 0.0) for pid in cpu_after)

    def report(inferred: int) -> dict[str, Any]:
        return {
            "rss_mib": {
                names.get(pid, "ended early"): _growth(series) for pid, series in memory.items()
            },
            "cpu_share_of_a_core": round(used_s / seconds, 2),
            "cpu_ms_per_inferred_frame": round(used_s / max(1, inferred) * 1000, 1),
        }

    return report


def _growth(series: list[float]) -> dict[str, float]:
    """Memory in the first and last tenth of the run, and at most, MiB."""
    tenth = max(1, len(series) // 10)
    return {
        "first": round(float(np.mean(series[:tenth])), 1),
        "last": round(float(np.mean(series[-tenth:])), 1),
        "most": round(max(series), 1),
    }


def _summary(tally: Tally, seconds: float) -> dict[str, Any]:
    cameras = tally.cameras
    fps = {name: round(len(camera.latencies_ms) / seconds, 2) for name, camera in cameras.items()}
    rates = np.array(list(fps.values()) or [0.0])
    return {
        "latency_ms": _percentiles(value for c in cameras.values() for value in c.latencies_ms),
        "age_when_engine_took_it_ms": _percentiles(v for c in cameras.values() for v in c.ages_ms),
        "fps_inferred": fps,
        "fps_inferred_total": round(float(rates.sum()), 2),
        # Jain's fairness index: 1 when all cameras get the same.
        "fairness": round(float(rates.sum() ** 2 / (len(rates) * (rates**2).sum() or 1)), 4),
        "skipped": sum(camera.skipped for camera in cameras.values()),
        "unexplained_gaps": sum(camera.gaps for camera in cameras.values()),
    }


def _percentiles(values: Iterable[float]) -> dict[str, float]:
    data = np.array(list(values) or [np.nan])
    p50, p95, p99 = np.percentile(data, [50, 95, 99])
    figures = {"p50": p50, "p95": p95, "p99": p99, "max": data.max()}
    return {name: round(float(value), 1) for name, value in figures.items()}


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
