"""Where a message goes besides Redis: metrics, the camera's monitor and the live page."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from vision.config.core import PublishingSettings
from vision.config.settings import Settings
from vision.domain.frame import Frame, FrameMeta
from vision.domain.losses import DropReason
from vision.domain.message import DetectionMessage
from vision.domain.trouble import Trouble
from vision.events.snapshots import RecentFrames
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.writing.redis_publisher import RedisPublisher
from vision.redis.client import address_of
from vision.resilience.troubles import LOOK_BACK_S, Troubles
from vision.runtime.cameras.monitor import CameraMonitor
from vision.runtime.components.preview_publisher import PreviewPublisher
from vision.runtime.health.role_liveness import outbox_reasons, redis_reason
from vision.telemetry.metrics import NodeMetrics
from vision.web.feed import LiveFeed

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


Publish: TypeAlias = Callable[[DetectionMessage], bytes]
"""Takes a message and returns the document, never waiting."""


class ResultFanOut:
    """Publishes what was seen in a frame and tells everybody who counts or shows it."""

    def __init__(
        self,
        metrics: NodeMetrics,
        feed: LiveFeed,
        monitor: Callable[[str], CameraMonitor | None],
        troubles: Troubles,
        *,
        relay: PreviewPublisher | None = None,
        pictures: RecentFrames | None = None,
    ) -> None:
        """``monitor`` gives the monitor of a camera by name; ``relay`` feeds other pages.

        Of a camera without a monitor nothing is counted: it was removed a moment ago.

        ``troubles`` hears of a model whose answers mean nothing.
        ``pictures`` remembers those on which something was seen.
        """
        self._metrics = metrics
        self._feed = feed
        self._monitor = monitor
        self._troubles = troubles
        self._relay = relay
        self._pictures = pictures
        self._counted = set[str]()

    def count_submitted(self, batch: Sequence[FrameMeta], now_mono_ns: int) -> None:
        """Note what the engine took."""
        self._metrics.batch_size.observe(len(batch))
        for meta in batch:
            if meta.camera not in self._counted:
                # `vision infer` knows of a camera with its first frame.
                self._counted.add(meta.camera)
                self._metrics.know_camera(meta.camera)
            if self._monitor(meta.camera) is None:
                continue
            self._metrics.frame_age.labels(meta.camera).observe(meta.age_ns(now_mono_ns) / 1e9)

    def count_discarded(self, camera: str, count: int) -> None:
        """Note detections of a frame that were left out, since they mean nothing."""
        self._metrics.discarded.labels(camera).inc(count)
        self._troubles.note(
            Trouble.OUT_OF_RANGE,
            camera,
            f"the model answers {camera} with scores or boxes that mean nothing: its file or the "
            "engine is broken",
            lasts_s=LOOK_BACK_S,
        )

    def deliver(
        self, frame: Frame, message: DetectionMessage, inference_ms: float, publish: Publish
    ) -> None:
        """Pass on ``message`` about ``frame``, which spent ``inference_ms`` in the engine."""
        if self._pictures and message.detections:
            # Before the message: whoever reads it finds the picture.
            self._pictures.offer_frame(frame)
        payload = publish(message)
        now_mono_ns = time.monotonic_ns()
        camera = frame.meta.camera
        labels = [found.label for found in message.detections]
        self._metrics.inference.observe(inference_ms / 1000)
        monitor = self._monitor(camera)
        if monitor is not None:
            monitor.on_published(frame.meta, labels, now_mono_ns)
            age_s = frame.meta.age_ns(now_mono_ns) / 1e9
            self._metrics.capture_to_publish.labels(camera).observe(age_s)
        self._feed.on_inferred(frame, payload)
        if self._relay:
            self._relay.on_inferred(frame, payload)
