"""One round: cameras, Redis, node and subscriber once, in a process of its own."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.cameras import Cameras, Sent
from bench.clips import clip
from bench.fresh import MeasurementError, fresh
from bench.pipeline.node import running_node, watch
from bench.pipeline.tally import Seen, Tally
from vision.config.secrets import REDIS_PASSWORD, write_secret
from vision.config.topics import RedisSettings
from vision.publishing.cursor import DetectionCursor
from vision.publishing.subscriber import Subscriber
from vision.runtime.embedded_redis import EmbeddedRedis

_PASSWORD = "bench"  # noqa: S105  of a Redis that lives as long as the run, on loopback
_START_S = 90.0
_NS_PER_MS = 1_000_000


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


def in_fresh_process(site: Site) -> dict[str, Any]:
    """Measure in a process of its own; see :func:`measure`."""
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in asdict(site).items()]
    answer: dict[str, Any] = fresh("bench.pipeline.round", arguments)
    return answer


def measure(site: Site) -> dict[str, Any]:
    """What came of it, with each latency: :mod:`bench.pipeline.case` puts rounds together."""
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
                started_s = _wait_for_start(node.started_s, tally)
                threading.Event().wait(site.warm_up_s)
                skipped = node.skipped()
                tally.open()
                # This process is the subscriber, and the others descend from it: who comes later
                # takes its own out.
                roots = {
                    "subscriber": os.getpid(),
                    "node": node.process.pid,
                    "cameras": cameras.pid,
                    "redis": redis.pid,
                }
                used = watch(roots, site.seconds)
                tally.close()
                skipped = node.skipped() - skipped
            cameras.stop()
            clock = _clock_errors(tally.seen, cameras.sent())
    message = tally.first
    assert message is not None  # noqa: S101  the start was waited for
    return {
        "seconds": used.seconds,
        "first_detection_s": started_s,
        "counts": Counter(seen.camera for seen in tally.seen),
        "latency_ms": [seen.latency_ms for seen in tally.seen],
        "added_ms": [seen.added_ms for seen in tally.seen],
        "age_ms": [seen.age_ms for seen in tally.seen],
        "clock_error_ms": clock,
        "skipped": skipped,
        "gaps": tally.gaps,
        "cpu_s": used.cpu_s,
        "rss_mib": used.rss_mib,
        "model": {"name": message.model.name, "sha256": message.model.sha256},
        "backend": message.model.backend,
        "input": message.model.input,
    }


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
        if tally.first is not None and not first_s:
            first_s = time.monotonic() - node_started_s
        if time.monotonic() > deadline_s:
            raise MeasurementError(f"not all cameras were inferred within {_START_S:.0f} s")
        pause.wait(0.01)
    return first_s


def _clock_errors(messages: list[Seen], sent: dict[str, list[Sent]]) -> list[float]:
    """The messages' capture times less the times at which the cameras sent those frames, ms."""
    errors: defaultdict[str, list[float]] = defaultdict(list)
    for seen in messages:
        if seen.ticks is None or len(sent[seen.camera]) != 1:
            continue
        sent_ns = sent[seen.camera][0].at(seen.ticks)
        if sent_ns is not None:
            errors[seen.camera].append((seen.captured_ns - sent_ns) / _NS_PER_MS)
    return [error for camera in errors.values() for error in camera]


def main() -> None:
    """Measure and answer."""
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline.round", description=__doc__)
    for name, kind in Site.__annotations__.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type={"int": int, "float": float, "str": str}[kind],
            required=True,
        )
    print(json.dumps(measure(Site(**vars(parser.parse_args())))))


if __name__ == "__main__":
    main()
