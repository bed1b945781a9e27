"""What the demo's subscriber counted: the proof that messages arrive, with their latency."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vision.domain.message import DetectionMessage
from vision.telemetry.camera_view import CameraView, p50_p99

_LATENCIES = 4096


@dataclass(slots=True)
class _Camera:
    messages: int = 0
    skipped: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_LATENCIES))
    first_s: float = 0.0
    last_s: float = 0.0


class DemoTotals:
    """Counts the messages of a live subscriber. Thread-safe."""

    def __init__(
        self,
        monotonic_s: Callable[[], float] = time.monotonic,
        utc_s: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic_s = monotonic_s
        self._utc_s = utc_s
        self._lock = threading.Lock()
        self._cameras: dict[str, _Camera] = {}
        self._started_s = monotonic_s()
        self._first_detection_s: float | None = None

    def count(self, message: DetectionMessage) -> None:
        """Count a message that has just arrived."""
        now_s = self._monotonic_s()
        latency_s = self._utc_s() - datetime.fromisoformat(message.time.captured).timestamp()
        with self._lock:
            camera = self._cameras.setdefault(message.camera, _Camera(first_s=now_s))
            camera.messages += 1
            camera.skipped += message.skipped
            camera.last_s = now_s
            camera.labels.update(found.label for found in message.detections)
            camera.latencies_ms.append(latency_s * 1000)
            if message.detections and self._first_detection_s is None:
                self._first_detection_s = now_s - self._started_s

    def latency_ms(self, camera: str) -> tuple[float, float] | None:
        """Median and 99th percentile of capture to subscriber, milliseconds."""
        with self._lock:
            counted = self._cameras.get(camera)
            return p50_p99(counted.latencies_ms) if counted else None

    def every_camera_saw_something(self, cameras: list[str]) -> bool:
        """Whether each of ``cameras`` delivered a detection."""
        with self._lock:
            return all(name in self._cameras and self._cameras[name].labels for name in cameras)

    def report(self, views: list[CameraView]) -> dict[str, Any]:
        """The document of ``vision demo --json``; states are those of ``views``."""
        with self._lock:
            first_s = self._first_detection_s
            return {
                "seconds": round(self._monotonic_s() - self._started_s, 1),
                "first_detection_s": None if first_s is None else round(first_s, 2),
                "cameras": {view.name: self._camera_report(view) for view in views},
            }

    def _camera_report(self, view: CameraView) -> dict[str, Any]:
        camera = self._cameras.get(view.name, _Camera())
        span_s = camera.last_s - camera.first_s
        latency = p50_p99(camera.latencies_ms)
        return {
            "state": view.state.value,
            "messages": camera.messages,
            "inferred_fps": round((camera.messages - 1) / span_s, 2) if span_s else 0.0,
            "labels": dict(camera.labels.most_common()),
            "latency_ms": {"p50": latency[0], "p99": latency[1]} if latency else None,
            "skipped": camera.skipped,
        }
