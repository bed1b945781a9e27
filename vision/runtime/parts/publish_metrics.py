"""What the publisher tells, as metrics and as troubles."""

from __future__ import annotations

from collections.abc import Sequence

from vision.config.settings import Settings
from vision.config.topics import PublishingSettings
from vision.domain.trouble import Trouble
from vision.frames.redis_client import address_of
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.writing.observer import DropReason
from vision.publishing.writing.redis_publisher import RedisPublisher
from vision.resilience.troubles import LOOK_BACK_S, Troubles
from vision.runtime.health.role_liveness import outbox_reasons, redis_reason
from vision.telemetry.metrics import NodeMetrics

_WHY_DROPPED = {
    DropReason.OVERFLOW: "Redis took none for longer than publishing.outbox_messages lasts",
    DropReason.REFUSED_ID: "its stream has newer ones: a second node, or a clock that went back",
    DropReason.LEASE_LOST: "this worker hung or was cut off, and another one took the camera",
    DropReason.REJECTED: "Redis does not know the command, or refuses it for good",
}
_SAID = {Kind.DETECTIONS: "messages", Kind.STATUS: "states"}


class PublishMetrics:
    """Implements :class:`vision.publishing.writing.observer.PublishObserver`."""

    def __init__(self, metrics: NodeMetrics, troubles: Troubles) -> None:
        self._metrics = metrics
        self._troubles = troubles

    def published(self, messages: int) -> None:
        """So many more messages are on their streams."""
        self._metrics.published.inc(messages)

    def dropped(self, stream: StreamKey, reason: DropReason, messages: int) -> None:
        """So many messages will never be on ``stream``."""
        self._metrics.dropped.labels(stream.camera, reason.value).inc(messages)
        if reason is not DropReason.SHUTDOWN:
            why = _WHY_DROPPED.get(reason, reason.value)
            said = f"{stream.camera} loses {_said(stream)}: {why}"
            self._troubles.begin(Trouble.DROPPED, stream.camera, said, of=stream.kind)

    def held(self, stream: StreamKey, reason: str) -> None:
        """Redis refuses the messages of ``stream`` for now."""
        said = f"Redis refuses the {_said(stream)} of {stream.camera}: {reason}"
        self._troubles.begin(Trouble.HELD, stream.camera, said, of=stream.kind)

    def taken(self, stream: StreamKey) -> None:
        """Redis took messages of ``stream``."""
        self._troubles.end(Trouble.HELD, stream.camera, of=stream.kind)
        self._troubles.end(Trouble.DROPPED, stream.camera, of=stream.kind, least_s=LOOK_BACK_S)

    def state_refused(self, camera: str, reason: str | None) -> None:
        """Redis does not take the state hash of ``camera``, for that reason; None: it took it."""
        if reason is None:
            self._troubles.end(Trouble.HELD, camera, of="hash")
        else:
            said = f"Redis refuses the state hash of {camera}: {reason}"
            self._troubles.begin(Trouble.HELD, camera, said, of="hash")

    def shared(self, camera: str, runs: Sequence[str]) -> None:
        """Other processes publish ``camera`` now, under these runs; nobody if there are none."""
        if not runs:
            self._troubles.end(Trouble.OTHER_WRITER, camera)
            return
        said = (
            f"{camera} is published by another process too (run {runs[-1]}): stop one of the two, "
            "or rename the camera in one"
        )
        self._troubles.begin(Trouble.OTHER_WRITER, camera, said)

    def waiting(self, messages: int) -> None:
        """So many wait for Redis now."""
        self._metrics.outbox.set(messages)

    def connected(self, is_connected: bool) -> None:  # noqa: FBT001  the event is the value
        """Whether Redis answers."""
        self._metrics.redis_up.set(is_connected)


def _said(stream: StreamKey) -> str:
    return _SAID.get(stream.kind, stream.kind.value)


def publisher_reasons(publisher: RedisPublisher, settings: Settings) -> tuple[str, ...]:
    """Why messages do not leave: Redis is away, or takes less than comes."""
    if not publisher.connected:
        return (redis_reason(address_of(settings.redis), publisher.problem, publisher.depth),)
    return outbox_reasons(publisher.depth, settings.publishing)


def show_outbox(
    metrics: NodeMetrics, publisher: RedisPublisher, publishing: PublishingSettings
) -> None:
    """Have each scrape read how much of what waits there is."""
    metrics.read_outbox(
        publishing.outbox_messages,
        lambda: publisher.waiting_bytes,
        lambda: publisher.spool_bytes,
    )
