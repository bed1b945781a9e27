"""What the publisher tells, as metrics."""

from __future__ import annotations

from vision.config.topics import PublishingSettings
from vision.publishing.writing.observer import DropReason
from vision.publishing.writing.redis_publisher import RedisPublisher
from vision.telemetry.metrics import NodeMetrics


class PublishMetrics:
    """Implements :class:`vision.publishing.writing.observer.PublishObserver`."""

    def __init__(self, metrics: NodeMetrics) -> None:
        self._metrics = metrics

    def published(self, messages: int) -> None:
        """So many more messages are on their streams."""
        self._metrics.published.inc(messages)

    def dropped(self, camera: str, reason: DropReason, messages: int) -> None:
        """So many messages of a camera will never be."""
        self._metrics.dropped.labels(camera, reason.value).inc(messages)

    def waiting(self, messages: int) -> None:
        """So many wait for Redis now."""
        self._metrics.outbox.set(messages)

    def connected(self, is_connected: bool) -> None:  # noqa: FBT001  the event is the value
        """Whether Redis answers."""
        self._metrics.redis_up.set(is_connected)


def show_outbox(
    metrics: NodeMetrics, publisher: RedisPublisher, publishing: PublishingSettings
) -> None:
    """Have each scrape read how much of what waits there is."""
    metrics.read_outbox(
        publishing.outbox_messages,
        lambda: publisher.waiting_bytes,
        lambda: publisher.spool_bytes,
    )
