"""The demo: simulated cameras, a Redis of its own, the node and a subscriber."""

from __future__ import annotations

import math
import secrets
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from simulator.demo.embedded_redis import EmbeddedRedis
from simulator.demo.folder import demo_folder
from simulator.demo.simulated_cameras import SimulatedCameras
from simulator.demo.totals import DemoTotals
from simulator.pan import pulled_pan
from vision.config.loader import load_settings
from vision.config.secrets import REDIS_PASSWORD, redis_password, write_secret
from vision.config.settings import Settings
from vision.models.catalogue import load_catalogue
from vision.models.folders import Folders
from vision.models.progress import TransferProgress
from vision.models.pull import pull_clip
from vision.publishing.reading.cursor import DetectionCursor
from vision.publishing.reading.subscriber import Subscriber
from vision.runtime.processes.secret_files import secret_files
from vision.runtime.roles.node import Node
from vision.telemetry.camera_view import CameraView

_NAMES = ("front", "yard")
_PAGE_PORT = 8080
_TICK_S = 0.5
# What a person can follow on the page and a small machine can infer.
_FPS = 5
# Above the model's default: a first look is no place for guesses.
_CONFIDENCE = 0.35
# Tracks follow the boxes closely.
_UPDATE_S = 0.5
# Something to enter and to cross, whatever the clip shows.
_PLACES = {
    "zones": {"middle": [[0.35, 0.3], [0.65, 0.3], [0.65, 1], [0.35, 1]]},
    "lines": {"gate": [[0.5, 1], [0.5, 0.45]]},
}


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the demo shows.

    Attributes:
        cameras: How many simulated cameras.
        seconds: After how long it ends by itself, None for never.
        video: A clip for all cameras instead of the ones from the package index.
    """

    cameras: int = 2
    seconds: float | None = None
    video: Path | None = None


@dataclass(frozen=True, slots=True)
class DemoReading:
    """The demo at one instant.

    Attributes:
        views: The node's reading of the cameras.
        tally: What the subscriber counted.
        page: Address of the live page.
        config: The settings the node runs with, for further commands.
    """

    views: list[CameraView]
    tally: DemoTotals
    page: str | None
    config: Path


@dataclass(frozen=True, slots=True)
class Demo:
    """Runs the demo; for the main thread."""

    options: DemoOptions
    progress: TransferProgress
    tally: DemoTotals

    def run(self, stop: threading.Event, on_tick: Callable[[DemoReading], None]) -> DemoReading:
        """Run until ``stop`` is set or the time is over; returns the last reading.

        ``on_tick`` is called twice a second.

        Raises:
            ConfigError: There is no Redis server, or the clip is none.
            ArtefactError: The model or a clip cannot be had.
        """
        clips = self._clips()
        with demo_folder() as folder:
            secrets_dir = folder / "secrets"
            secrets_dir.mkdir(mode=0o700)
            password = secrets.token_urlsafe(16)
            write_secret(secrets_dir / REDIS_PASSWORD, password)
            cameras = SimulatedCameras(clips, secrets_dir)
            with cameras, EmbeddedRedis(folder / "redis", password) as redis:
                config = _write_config(folder, redis.url, cameras.urls)
                return self._run_node(config, stop, on_tick)

    def _run_node(
        self, config: Path, stop: threading.Event, on_tick: Callable[[DemoReading], None]
    ) -> DemoReading:
        settings = load_settings(config)
        node = Node(settings, self.progress)
        left = threading.Event()
        with ThreadPoolExecutor(2, thread_name_prefix="demo") as pool:
            running = pool.submit(node.run, stop)
            running.add_done_callback(lambda _: stop.set())
            counting = pool.submit(self._count, settings, left)
            give_up_s = _end_s(self.options.seconds)
            while not stop.wait(min(_TICK_S, max(0.0, give_up_s - time.monotonic()))):
                if time.monotonic() >= give_up_s:
                    break
                on_tick(self._reading(node, config))
            reading = self._reading(node, config)
            stop.set()
            # Until the node has gone, which sends what waits: it is counted too.
            running.exception()
            left.set()
            running.result()
            counting.result()
        return reading

    def _count(self, settings: Settings, left: threading.Event) -> None:
        files = secret_files(settings.secrets_dir)
        password = partial(redis_password, settings, files)
        subscriber = Subscriber(settings.redis, password, DetectionCursor, list(settings.cameras))
        for received in subscriber.messages(left):
            self.tally.count(received.message)

    def _reading(self, node: Node, config: Path) -> DemoReading:
        return DemoReading(node.cameras(), self.tally, node.url, config)

    def _clips(self) -> dict[str, Path]:
        names = [
            _NAMES[number] if number < len(_NAMES) else f"camera-{number + 1}"
            for number in range(self.options.cameras)
        ]
        if self.options.video is not None:
            return dict.fromkeys(names, self.options.video)
        clips = [pulled_pan(name, self.progress) for name in ("bus", "zidane")]
        if len(names) > len(clips):
            clips.append(self._pulled("bikes"))
        return {name: clips[number % len(clips)] for number, name in enumerate(names)}

    def _pulled(self, clip: str) -> Path:
        return pull_clip(load_catalogue().clips[clip], Folders.of(None), self.progress)


def _write_config(folder: Path, redis_url: str, urls: dict[str, str]) -> Path:
    values = {
        "redis": {"url": redis_url},
        "secrets_dir": str(folder / "secrets"),
        "web": {"port": _page_port()},
        "model": {"confidence": _CONFIDENCE},
        "events": {
            "enabled": True,
            "update_s": _UPDATE_S,
            "snapshots": {"enabled": True, "dir": str(folder / "snapshots")},
        },
        "logs": {"level": "warning", "format": "text"},
        "cameras": {
            name: {"url": url, "fps": _FPS, "auth": "required", "events": _PLACES}
            for name, url in urls.items()
        },
    }
    config = folder / "vision.yaml"
    config.write_text(yaml.safe_dump(values, sort_keys=False))
    return config


def _end_s(seconds: float | None) -> float:
    return math.inf if seconds is None else time.monotonic() + seconds


def _page_port() -> int:
    """The port everybody expects, or 0 for any when somebody has it."""
    try:
        socket.create_server(("127.0.0.1", _PAGE_PORT)).close()
    except OSError:
        return 0
    return _PAGE_PORT
