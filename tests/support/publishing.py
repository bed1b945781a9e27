"""A publisher at work in its thread, and what it said of itself."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE_S, wait_until
from vision.config.topics import PublishingSettings, RedisSettings
from vision.frames.redis_link import RedisConnector
from vision.publishing.cursor import BEFORE_THE_FIRST
from vision.publishing.encoding import decode_detections
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.observer import DropReason
from vision.publishing.redis_publisher import RedisPublisher
from vision.publishing.stream_reader import StreamReader


class RecordingObserver:
    """Keeps what the publisher reports."""

    def __init__(self) -> None:
        self.messages = 0
        self.drops = Counter[tuple[str, DropReason]]()
        self.connections: list[bool] = []
        self.depth = 0

    def published(self, messages: int) -> None:
        """Count confirmed messages."""
        self.messages += messages

    def dropped(self, camera: str, reason: DropReason, messages: int) -> None:
        """Count lost messages."""
        self.drops[camera, reason] += messages

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
    ) -> None:
        self.observer = RecordingObserver()
        self.publisher = RedisPublisher(redis, publishing, password, self.observer)
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
    server: RedisServer,
    publishing: PublishingSettings | None = None,
    *,
    settings: RedisSettings | None = None,
    command_timeout_s: float = 2.0,
    password: Callable[[], str | None] | None = None,
) -> Iterator[RunningPublisher]:
    """A publisher that sends to ``server`` until the test ends."""
    running = RunningPublisher(
        settings or server.settings(command_timeout_s=command_timeout_s),
        password or (lambda: server.password),
        publishing or PublishingSettings(),
    )
    running.start()
    try:
        yield running
    finally:
        running.finish(drain_s=0.0)


def stream_payloads(
    server: RedisServer, camera: str = "front", kind: Kind = Kind.DETECTIONS
) -> dict[str, bytes]:
    """All entries of a stream: id to the bytes of the message."""
    with closing(RedisConnector(server.settings(), lambda: server.password).open()) as link:
        return dict(StreamReader(link).between(StreamKey(kind, camera), BEFORE_THE_FIRST))


def stream_seqs(server: RedisServer, camera: str = "front") -> list[int]:
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
