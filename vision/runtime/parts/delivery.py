"""Where a message goes besides Redis: metrics, the camera's monitor and the live page."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from vision.domain.frame import Frame, FrameMeta
from vision.domain.message import DetectionMessage
from vision.domain.trouble import Trouble
from vision.resilience.troubles import LOOK_BACK_S, Troubles
from vision.runtime.cameras.monitor import CameraMonitor
from vision.runtime.parts.event_pictures import PictureMemory
from vision.runtime.parts.picture_relay import PictureRelay
from vision.telemetry.metrics import NodeMetrics
from vision.web.feed import LiveFeed

Publish: TypeAlias = Callable[[DetectionMessage], bytes]
"""Takes a message and returns the document, never waiting."""


class Delivery:
    """Publishes what was seen in a frame and tells everybody who counts or shows it."""

    def __init__(
        self,
        metrics: NodeMetrics,
        feed: LiveFeed,
        monitor: Callable[[str], CameraMonitor],
        troubles: Troubles,
        *,
        relay: PictureRelay | None = None,
        pictures: PictureMemory | None = None,
    ) -> None:
        """``monitor`` gives the monitor of a camera by name; ``relay`` feeds other pages.

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
        self._monitor(camera).on_published(frame.meta, labels, now_mono_ns)
        self._metrics.inference.observe(inference_ms / 1000)
        age_s = frame.meta.age_ns(now_mono_ns) / 1e9
        self._metrics.capture_to_publish.labels(camera).observe(age_s)
        self._feed.on_inferred(frame, payload)
        if self._relay:
            self._relay.on_inferred(frame, payload)
