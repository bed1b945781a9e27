"""What a motion gate saves, and what its decoder's sleep: a node with one still camera."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import yaml

from bench.gate_pictures import PACE_FPS, encode_still
from bench.processes import cpu_s, family
from simulator.demo.embedded_redis import EmbeddedRedis
from simulator.demo.simulated_cameras import SimulatedCameras
from vision.config.secrets import REDIS_PASSWORD, write_secret
from vision.models.folders import Folders

# A camera's second stream, which the README recommends, and its first.
_CAMERAS = (((640, 360), 15), ((1920, 1080), 25))
_CLIP_S, _NOISE_LEVELS = 20, 2.0
# Until the decoder sleeps: the gate shuts, and sizes of packets are learned.
_WARM_UP_S = 20.0
_VARIANTS = {
    "gate_off": {"enabled": False},
    "gate_on_awake": {"enabled": True, "sleep": False},
    "gate_on": {"enabled": True},
}
_PASSWORD = "bench"  # noqa: S105  of a Redis that lives as long as the run, on loopback


def saving(model: str, seconds: float) -> list[dict[str, Any]]:
    """Milliseconds of processor time per second, by part, of the variants."""
    figures = []
    for size, fps in _CAMERAS:
        with tempfile.TemporaryDirectory(prefix="vision-bench-") as name:
            folder = Path(name)
            encode_still(folder / "still.mp4", size, fps, _CLIP_S, _NOISE_LEVELS)
            (folder / "secrets").mkdir(mode=0o700)
            write_secret(folder / "secrets" / REDIS_PASSWORD, _PASSWORD)
            cameras = SimulatedCameras({"yard": folder / "still.mp4"}, folder / "secrets")
            with cameras, EmbeddedRedis(folder / "redis", _PASSWORD) as redis:
                camera = {"url": cameras.urls["yard"], "fps": PACE_FPS}
                measured = {
                    name: _measure(folder, redis.url, camera | {"motion": motion}, model, seconds)
                    for name, motion in _VARIANTS.items()
                }
        figures.append(
            {
                "camera": f"h264 {size[0]}x{size[1]}, {fps} fps, inferred at {PACE_FPS}",
                **measured,
                "share_awake": _share(measured, "gate_on_awake"),
                "share": _share(measured, "gate_on"),
            }
        )
    return figures


def _share(measured: dict[str, dict[str, float]], name: str) -> float:
    return round(sum(measured[name].values()) / sum(measured["gate_off"].values()), 3)


def _measure(
    folder: Path,
    redis_url: str,
    camera: dict[str, Any],
    model: str,
    seconds: float,
) -> dict[str, float]:
    models = Folders.of(Path(named) if (named := os.environ.get("VISION_MODELS_DIR")) else None)
    settings = {
        "redis": {"url": redis_url},
        "model": {"name": model},
        "web": {"enabled": False},
        "logs": {"level": "warning"},
        "cameras": {"yard": camera},
    }
    (folder / "vision.yaml").write_text(yaml.safe_dump(settings))
    variables = os.environ | {"VISION_MODELS_DIR": str(models.models.resolve())}
    command = [sys.executable, "-m", "vision", "run"]
    with subprocess.Popen(command, cwd=folder, env=variables, stdout=sys.stderr) as node:
        pause = threading.Event()
        pause.wait(_WARM_UP_S)
        before, started_s = _used_s(node.pid), time.monotonic()
        pause.wait(seconds)
        after, elapsed_s = _used_s(node.pid), time.monotonic() - started_s
        node.send_signal(signal.SIGTERM)
    return {name: round((after[name] - before[name]) / elapsed_s * 1000, 1) for name in after}


def _used_s(node_pid: int) -> dict[str, float]:
    """Processor time of the ingest process, and of the node: inference and publishing."""
    workers = [pid for pid in family(node_pid) if pid != node_pid]
    return {
        "ingest_ms_per_s": sum(cpu_s(pid) for pid in workers),
        "inference_and_publishing_ms_per_s": cpu_s(node_pid),
    }
