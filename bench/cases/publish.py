"""Messages through the publisher to Redis and on to a subscriber.

``saturated``: as many as it takes, in bursts that fill its batches. ``paced``: 100 a second,
the time from handing one over to its arrival at a subscriber on another connection.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.cases import Options, row
from bench.cases.messages import RECORD, detections, meta
from bench.processes import cpu_s
from bench.result import Row
from bench.summary import percentiles, rounded
from simulator.demo.embedded_redis import EmbeddedRedis
from vision.config.core import PublishingSettings, RedisSettings
from vision.domain.losses import DropReason
from vision.domain.message import DetectionMessage, detection_message
from vision.publishing.keys import StreamKey
from vision.publishing.reading.cursor import DetectionCursor
from vision.publishing.reading.subscriber import Subscriber
from vision.publishing.writing.redis_publisher import RedisPublisher

_PASSWORD = "bench"  # noqa: S105  of a Redis that lives as long as the run, on loopback
_OBJECTS = 5
_BURST = 1000
_PACE_PER_S = 100
_WARM_UP_S = 1.0
_START_S = 10.0
_MOMENT_S = 0.001


class _Observer:
    """Implements :class:`vision.publishing.writing.observer.PublishObserver`."""

    def __init__(self) -> None:
        self.count = 0
        self.is_connected = threading.Event()

    def published(self, messages: int) -> None:
        self.count += messages

    def dropped(self, stream: StreamKey, reason: DropReason, messages: int) -> None:
        """Nothing is dropped while Redis is there; what were would show in the count."""

    def held(self, stream: StreamKey, reason: str) -> None:
        """As of what is dropped."""

    def taken(self, stream: StreamKey) -> None:
        """Messages are counted, not streams."""

    def state_refused(self, camera: str, reason: str | None) -> None:
        """No state is told."""

    def shared(self, camera: str, runs: Sequence[str]) -> None:
        """Nobody else publishes."""

    def waiting(self, messages: int) -> None:
        """The depth is read where it is needed."""

    def connected(self, is_connected: bool) -> None:  # noqa: FBT001  the protocol's
        if is_connected:
            self.is_connected.set()


def measure(options: Options) -> list[Row]:
    """Both ways, on one Redis."""
    with (
        tempfile.TemporaryDirectory(prefix="vision-bench-") as folder,
        EmbeddedRedis(Path(folder), _PASSWORD) as redis,
    ):
        settings = RedisSettings(url=redis.url)
        return [
            _saturated(settings, redis.pid, options.seconds),
            _paced(settings, options.seconds),
        ]


@contextmanager
def _publisher(settings: RedisSettings) -> Iterator[tuple[RedisPublisher, _Observer]]:
    observer, stop = _Observer(), threading.Event()
    publisher = RedisPublisher(settings, PublishingSettings(), lambda: _PASSWORD, observer)
    thread = threading.Thread(target=publisher.run, args=(stop,))
    thread.start()
    observer.is_connected.wait(_START_S)
    try:
        yield publisher, observer
    finally:
        stop.set()
        publisher.drain(_START_S)
        thread.join()


def _messages(camera: str) -> Iterator[DetectionMessage]:
    """Messages of one run; all but their number is made once, since encoding is another case."""
    run = time.time_ns() // 1_000_000
    first = detection_message(meta(camera, 1, run), detections(_OBJECTS), RECORD, time.time_ns())
    seq = 0
    while True:
        seq += 1
        yield replace(first, seq=seq, id=f"{camera}:{run}-{seq}")


def _saturated(settings: RedisSettings, redis_pid: int, seconds: float) -> Row:
    with _publisher(settings) as (publisher, observer):
        messages = _messages("saturated")
        used_s = time.process_time(), cpu_s(redis_pid)
        started_s = time.monotonic()
        while time.monotonic() < started_s + seconds:
            wanted = observer.count + _BURST
            for _ in range(_BURST):
                publisher.publish(next(messages))
            while observer.count < wanted:
                time.sleep(_MOMENT_S)
        elapsed_s = time.monotonic() - started_s
        ours_s, theirs_s = time.process_time() - used_s[0], cpu_s(redis_pid) - used_s[1]
        figures = {
            "per_s": rounded(observer.count / elapsed_s),
            "cpu_us": rounded(ours_s / observer.count * 1e6),
            "redis_cpu_us": rounded(theirs_s / observer.count * 1e6),
        }
    return row("publish", "saturated", figures)


def _paced(settings: RedisSettings, seconds: float) -> Row:
    handed_ns: dict[int, int] = {}
    latencies_us: dict[int, float] = {}
    stop, listening = threading.Event(), threading.Event()

    def listen() -> None:
        subscriber = Subscriber(settings, lambda: _PASSWORD, DetectionCursor, ["paced"])
        for received in subscriber.messages(stop):
            now_ns = time.perf_counter_ns()
            listening.set()
            seq = received.message.seq
            latencies_us[seq] = (now_ns - handed_ns[seq]) / 1000

    listener = threading.Thread(target=listen)
    listener.start()
    with _publisher(settings) as (publisher, _):
        pause, messages = threading.Event(), _messages("paced")
        warm_ns = time.perf_counter_ns() + round(_WARM_UP_S * 1e9)
        end_s = time.monotonic() + _WARM_UP_S + seconds
        while time.monotonic() < end_s:
            message = next(messages)
            handed_ns[message.seq] = time.perf_counter_ns()
            publisher.publish(message)
            pause.wait(1 / _PACE_PER_S)
    stop.set()
    listener.join()
    warm_us = (us for seq, us in latencies_us.items() if handed_ns[seq] >= warm_ns)
    figures = percentiles(warm_us, "handed_over_to_received", "us")
    return row("publish", f"paced {_PACE_PER_S}/s", figures)
