"""What a worker costs as it runs: cameras at an even pace, a real Redis, one thread's time."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import redis

from simulator.demo.embedded_redis import EmbeddedRedis
from vision.config.settings import Settings
from vision.domain.message import DetectionMessage, utc_text
from vision.events.metrics import EventMetrics
from vision.events.service import EventService
from vision.publishing.encoding import encode
from vision.telemetry.metrics import NodeMetrics

_PASSWORD = "bench"  # noqa: S105  of a server that lives for seconds
_CAMERAS = 4
_SECONDS = 20


def worker_cost(frames: Sequence[DetectionMessage], fps: int) -> dict[str, float]:
    """Processor time per message of a worker that tracks four cameras with these frames."""
    with TemporaryDirectory() as folder, EmbeddedRedis(Path(folder), _PASSWORD) as server:
        settings = Settings.model_validate({"redis": {"url": server.url}})
        part = EventService(
            settings, lambda: _PASSWORD, EventMetrics(NodeMetrics(lambda: (), "events").create)
        )
        spent, stop = list[float](), threading.Event()

        def work() -> None:
            started_s = time.thread_time()
            part.run(stop)
            spent.append(time.thread_time() - started_s)

        thread = threading.Thread(target=work)
        with redis.Redis.from_url(server.url, password=_PASSWORD) as client:
            sent = _publish(client, frames[:1], fps)
            thread.start()
            sent += _publish(client, frames[1 : _SECONDS * fps], fps)
            stop.set()
            thread.join()
            told = sum(client.xlen(f"vision:events:{{cam{number}}}") for number in range(_CAMERAS))
    return {
        "cameras": _CAMERAS,
        "fps": fps,
        "messages": sent,
        "event_messages": told,
        "cpu_ms_per_message": round(spent[0] * 1000 / sent, 3),
        "cpu_percent_of_a_core_per_camera": round(spent[0] * 100 / (_SECONDS * _CAMERAS), 2),
    }


def _publish(client: redis.Redis, frames: Sequence[DetectionMessage], fps: int) -> int:
    began_s = time.monotonic()
    for count, frame in enumerate(frames):
        time.sleep(max(0.0, began_s + count / fps - time.monotonic()))
        now = utc_text(time.time_ns())
        timed = replace(frame.time, captured=now, received=now, inferred=now, published=now)
        for number in range(_CAMERAS):
            camera = f"cam{number}"
            message = replace(frame, id=f"{camera}:{frame.stream_id}", camera=camera, time=timed)
            client.xadd(
                f"vision:detections:{{{camera}}}",
                {"message": encode(message)},
                id=message.stream_id,
            )
    return len(frames) * _CAMERAS
