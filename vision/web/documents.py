"""The JSON documents of the HTTP interface; times are texts as in the messages on Redis."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from vision import __version__
from vision.domain.message import utc_text
from vision.telemetry.camera_view import CameraView
from vision.telemetry.redaction import process_redactor


@dataclass(frozen=True, slots=True)
class Health:
    """The node at one instant.

    Attributes:
        ready: Whether detections of every camera that should deliver are being published.
        reasons: Why not, one short sentence each; may hold warnings while ready.
        model: The model in use, for people: ``yolov8n on openvino``.
        redis: The connection to Redis, for people: ``connected``, ``unreachable``.
        outbox_messages: How many messages wait for Redis; None where nothing is published.
    """

    ready: bool
    reasons: tuple[str, ...]
    model: str
    redis: str
    outbox_messages: int | None = None


CamerasSource = Callable[[], list[CameraView]]
HealthSource = Callable[[], Health]

# Viewers that ask within this time share one reading.
_OVERVIEW_AGE_S = 0.5


def cameras_json(views: Sequence[CameraView]) -> bytes:
    """The document of ``/api/cameras``."""
    return orjson.dumps({"cameras": [_camera(view) for view in views]})


def readiness_json(health: Health, views: Sequence[CameraView]) -> bytes:
    """The document of ``/readyz``: the node, and each camera's state."""
    cameras = [
        {
            "name": view.name,
            "state": view.state.value,
            "reason": process_redactor.redact(view.reason),
            "since": utc_text(view.since_ns),
        }
        for view in views
    ]
    return orjson.dumps({**_health(health), "cameras": cameras})


class Overview:
    """The document of the ``cameras`` event: all there is to know now, read for all viewers."""

    def __init__(self, cameras: CamerasSource, health: HealthSource) -> None:
        self._cameras = cameras
        self._health = health
        self._lock = threading.Lock()
        self._document = b""
        self._read_at_s = float("-inf")

    def json(self) -> bytes:
        """The document, at most half a second old; callable from any thread."""
        with self._lock:
            now_s = time.monotonic()
            if now_s - self._read_at_s > _OVERVIEW_AGE_S:
                self._document = orjson.dumps(
                    {
                        "time": utc_text(time.time_ns()),
                        "version": __version__,
                        **_health(self._health()),
                        "cameras": [_camera(view) for view in self._cameras()],
                    }
                )
                self._read_at_s = now_s
            return self._document


def _health(health: Health) -> dict[str, Any]:
    return {
        "ready": health.ready,
        "reasons": [process_redactor.redact(reason) for reason in health.reasons],
        "model": health.model,
        "redis": health.redis,
        "outbox_messages": health.outbox_messages,
    }


def _camera(view: CameraView) -> dict[str, Any]:
    latency = view.latency_ms
    return {
        "name": view.name,
        "state": view.state.value,
        "reason": process_redactor.redact(view.reason),
        "since": utc_text(view.since_ns),
        "source_size": view.source_size,
        "fps_in": view.fps_in,
        "fps_inferred": view.fps_inferred,
        "frame_age_s": view.frame_age_s,
        "latency_ms": None if latency is None else {"p50": latency[0], "p99": latency[1]},
        "messages": view.messages,
        "labels": view.labels,
        "skipped": view.skipped,
        "gate": view.gate,
        "is_still": view.is_still,
        "is_asleep": view.is_asleep,
    }
