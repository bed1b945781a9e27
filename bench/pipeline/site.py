"""Cameras, Redis, a node and a subscriber on this machine, up to the point where all run."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.cameras import Cameras
from bench.clips import clip
from bench.fresh import MeasurementError
from bench.pipeline.node import Node, running_node
from bench.pipeline.tally import Tally
from simulator.demo.embedded_redis import EmbeddedRedis
from vision.config.core import RedisSettings
from vision.config.secrets import REDIS_PASSWORD, write_secret
from vision.publishing.reading.cursor import DetectionCursor
from vision.publishing.reading.subscriber import Subscriber

_PASSWORD = "bench"  # noqa: S105  of a Redis that lives as long as the run, on loopback
_START_S = 180.0


@dataclass(frozen=True, slots=True)
class Site:
    """What is measured.

    Attributes:
        cameras: How many.
        camera_fps: Frames per second that each sends.
        fps: Frames per second that the node is asked to infer of each.
        model: Name in the catalogue.
        width: Of the cameras' pictures in pixels.
        height: Of the cameras' pictures in pixels.
        warm_up_s: From the last camera's first message to the window.
        seconds: The window.
    """

    cameras: int
    camera_fps: int
    fps: float
    model: str = "auto"
    width: int = 640
    height: int = 360
    warm_up_s: float = 3.0
    seconds: float = 15.0

    @property
    def offered_fps(self) -> float:
        """What all cameras together are asked for."""
        return self.cameras * min(self.fps, self.camera_fps)


@dataclass(frozen=True, slots=True)
class Running:
    """What runs once every camera has been inferred and the warm-up is over.

    Attributes:
        node: The node.
        cameras: The simulated cameras.
        tally: What the subscriber, a thread of this process, counts.
        redis_pid: The Redis server.
        first_detection_s: From the node's start to the first detection at the subscriber.
    """

    node: Node
    cameras: Cameras
    tally: Tally
    redis_pid: int
    first_detection_s: float

    @property
    def roots(self) -> dict[str, int]:
        """Pids by role; this process is the subscriber.

        The others descend from it: who comes later takes its own out.
        """
        return {
            "subscriber": os.getpid(),
            "node": self.node.process.pid,
            "cameras": self.cameras.pid,
            "redis": self.redis_pid,
        }


@contextmanager
def running(site: Site) -> Iterator[Running]:
    """Start everything; for the main thread.

    Raises:
        MeasurementError: Not every camera was inferred in time.
    """
    with tempfile.TemporaryDirectory(prefix="vision-bench-") as name:
        folder = Path(name)
        (folder / "secrets").mkdir(mode=0o700)
        write_secret(folder / "secrets" / REDIS_PASSWORD, _PASSWORD)
        shown = clip(site.width, site.height, site.camera_fps)
        with (
            Cameras(shown, site.cameras, folder) as cameras,
            EmbeddedRedis(folder / "redis", _PASSWORD) as redis,
        ):
            settings = {
                "redis": {"url": redis.url},
                "model": {"name": site.model},
                "cameras": {
                    camera: {"url": url, "fps": site.fps} for camera, url in cameras.urls.items()
                },
            }
            tally = Tally(set(cameras.urls))
            with running_node(folder, settings) as node, _subscribed(redis.url, tally):
                first_s = _wait_for_start(node.started_s, tally)
                threading.Event().wait(site.warm_up_s)
                yield Running(node, cameras, tally, redis.pid, first_s)


@contextmanager
def _subscribed(redis_url: str, tally: Tally) -> Iterator[None]:
    stop = threading.Event()

    def listen() -> None:
        subscriber = Subscriber(RedisSettings(url=redis_url), lambda: _PASSWORD, DetectionCursor)
        for received in subscriber.messages(stop):
            tally.count(received.message)

    listener = threading.Thread(target=listen, name="subscriber")
    listener.start()
    try:
        yield
    finally:
        stop.set()
        listener.join()


def _wait_for_start(node_started_s: float, tally: Tally) -> float:
    """Seconds to the first detection, once every camera has sent a message."""
    pause, first_s = threading.Event(), 0.0
    deadline_s = node_started_s + _START_S
    while not (tally.all_cameras.is_set() and first_s):
        if tally.has_detected and not first_s:
            first_s = time.monotonic() - node_started_s
        if time.monotonic() > deadline_s:
            raise MeasurementError(f"not all cameras were inferred within {_START_S:.0f} s")
        pause.wait(0.01)
    return first_s
