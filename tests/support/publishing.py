"""A publisher at work in its thread, and what it said of itself."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Protocol

from tests.support.messages import detection
from tests.support.waiting import PATIENCE_S, wait_until
from vision.config.core import PublishingSettings, RedisSettings
from vision.domain.losses import DropReason
from vision.domain.run_ids import RunIds
from vision.publishing.encoding import decode_detections
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.reading.cursor import BEFORE_THE_FIRST
from vision.publishing.reading.stream_reader import StreamReader
from vision.publishing.writing.redis_publisher import RedisPublisher
from vision.redis.connector import RedisConnector


class AnyRedis(Protocol):
    """One server, a primary under Sentinels, or a cluster."""

    @property
    def password(self) -> str:
        """What it wants to hear."""

    def settings(self, *, command_timeout_s: float = 2.0) -> RedisSettings:
        """Settings of a node that uses it."""


class RecordingObserver:
    """Keeps what the publisher reports."""

    def __init__(self) -> None:
        self.messages = 0
        self.drops = Counter[tuple[str, DropReason]]()
        self.connections: list[bool] = []
        self.held_for: dict[StreamKey, str] = {}
        self.others: dict[str, list[str]] = {}
        self.states_refused: dict[str, str | None] = {}
        self.depth = 0

    def published(self, messages: int) -> None:
        """Count confirmed messages."""
        self.messages += messages

    def dropped(self, stream: StreamKey, reason: DropReason, messages: int) -> None:
        """Count lost messages."""
        self.drops[stream.camera, reason] += messages

    def held(self, stream: StreamKey, reason: str) -> None:
        """Keep why a stream is held."""
        self.held_for[stream] = reason

    def taken(self, stream: StreamKey) -> None:
        """A stream that is taken is held no more."""
        self.held_for.pop(stream, None)

    def state_refused(self, camera: str, reason: str | None) -> None:
        """Keep why a state hash is refused."""
        self.states_refused[camera] = reason

    def shared(self, camera: str, runs: Sequence[str]) -> None:
        """Keep who else publishes a camera."""
        self.others[camera] = list(runs)

    def waiting(self, messages: int) -> None:
        """Keep the newest depth."""
        self.depth = messages

    def connected(self, is_connected: bool) -> None:  # noqa: FBT001  the protocol's signature
        """Keep the changes of the connection."""
        self.connections.append(is_connected)


class RunningPublisher:
    """A publisher, its thread and its observer."""

    def __init__(
        self,
        redis: RedisSettings,
        password: Callable[[], str | None],
        publishing: PublishingSettings,
        runs: RunIds | None = None,
        *,
        is_fenced: bool = False,
    ) -> None:
        self.observer = RecordingObserver()
        self.publisher = RedisPublisher(
            redis, publishing, password, self.observer, runs=runs, is_fenced=is_fenced
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.publisher.run, args=(self._stop,))

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def wait_sent(self) -> None:
        """Wait until nothing waits any more."""
        wait_until(lambda: self.publisher.depth == 0, "an empty outbox")

    def wait_connected(self) -> None:
        """Wait until Redis answers."""
        wait_until(lambda: self.publisher.connected, "a connection")

    def wait_away(self) -> None:
        """Wait until it noticed that Redis is away."""
        wait_until(lambda: not self.publisher.connected, "a lost connection")

    def finish(self, drain_s: float = 10.0) -> int:
        """End it as the node does; how many messages were left behind."""
        self._stop.set()
        left = self.publisher.drain(drain_s)
        if self._thread.ident is not None:
            self._thread.join(PATIENCE_S)
            assert not self._thread.is_alive()
        return left


@contextmanager
def publishing_to(
    server: AnyRedis,
    publishing: PublishingSettings | None = None,
    *,
    settings: RedisSettings | None = None,
    command_timeout_s: float = 2.0,
    password: Callable[[], str | None] | None = None,
    runs: RunIds | None = None,
    is_fenced: bool = False,
) -> Iterator[RunningPublisher]:
    """A publisher that sends to ``server`` until the test ends; with ``runs`` it may raise them.

    ``is_fenced``: as that of one of several inference workers.
    """
    running = RunningPublisher(
        settings or server.settings(command_timeout_s=command_timeout_s),
        password or (lambda: server.password),
        publishing or PublishingSettings(),
        runs,
        is_fenced=is_fenced,
    )
    running.start()
    try:
        yield running
    finally:
        running.finish(drain_s=0.0)


class SteadyCameras:
    """Cameras that publish at an even pace, each in a thread, until told to end.

    Attributes:
        payloads: What each published so far, in order.
        took_s: How long handing over each message took.
    """

    def __init__(
        self,
        running: RunningPublisher,
        cameras: Sequence[str] = ("front", "yard"),
        *,
        period_s: float = 0.002,
    ) -> None:
        self._publisher = running.publisher
        self._period_s = period_s
        self._end = threading.Event()
        self.payloads: dict[str, list[bytes]] = {camera: [] for camera in cameras}
        self.took_s: list[float] = []
        self._threads = [
            threading.Thread(target=self._publish, args=(camera,)) for camera in cameras
        ]
        for thread in self._threads:
            thread.start()

    @property
    def published(self) -> dict[str, int]:
        """How many messages of each camera."""
        return {camera: len(payloads) for camera, payloads in self.payloads.items()}

    @property
    def slowest_s(self) -> float:
        """The longest that handing over one message took."""
        return max(self.took_s, default=0.0)

    def _publish(self, camera: str) -> None:
        payloads = self.payloads[camera]
        while not self._end.wait(self._period_s):
            message = detection(len(payloads) + 1, camera=camera)
            started_s = time.perf_counter()
            payload = self._publisher.publish(message)
            self.took_s.append(time.perf_counter() - started_s)
            payloads.append(payload)

    def wait_for(self, more: int) -> None:
        """Let each camera publish so many further messages."""
        goals = {camera: count + more for camera, count in self.published.items()}
        wait_until(
            lambda: all(self.published[camera] >= goal for camera, goal in goals.items()),
            "messages of all cameras",
        )

    def finish(self) -> None:
        """End them."""
        self._end.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def assert_all_on(self, server: AnyRedis) -> None:
        """Each stream has every message once, in order, byte for byte as it was published."""
        for camera, payloads in self.payloads.items():
            assert list(stream_payloads(server, camera).values()) == payloads, camera


def stream_payloads(
    server: AnyRedis, camera: str = "front", kind: Kind = Kind.DETECTIONS
) -> dict[str, bytes]:
    """All entries of a stream: id to the bytes of the message."""
    with closing(RedisConnector(server.settings(), lambda: server.password).open()) as link:
        return dict(StreamReader(link).between(StreamKey(kind, camera), BEFORE_THE_FIRST))


def stream_seqs(server: AnyRedis, camera: str = "front") -> list[int]:
    """The frame numbers on a stream, each message checked against the one before."""
    previous, seqs = 0, list[int]()
    for stream_id, payload in stream_payloads(server, camera).items():
        message = decode_detections(payload)
        assert stream_id == message.stream_id
        assert message.seq == previous + 1 + message.skipped
        previous = message.seq
        seqs.append(message.seq)
    return seqs


def let_pass(seconds: float) -> None:
    """Let messages grow old: time is what such a test is about."""
    threading.Event().wait(seconds)
