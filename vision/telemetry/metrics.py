"""The node's metrics, all declared here, in a registry of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from vision.domain.status import CameraState
from vision.telemetry.camera_view import CameraView

_LATENCY_BUCKETS_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5)


class _CameraCollector(Collector):
    """Reads the cameras when somebody scrapes: nothing to keep in step, nothing stale."""

    def __init__(self, views: Callable[[], Iterable[CameraView]]) -> None:
        self._views = views

    def collect(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "vision_camera_state", "1 for the state that holds", labels=["camera", "state"]
        )
        fps = GaugeMetricFamily(
            "vision_camera_fps", "Frames per second, a mean of 5 s", labels=["camera", "stage"]
        )
        age = GaugeMetricFamily(
            "vision_frame_age_seconds", "Seconds since the newest frame", labels=["camera"]
        )
        skipped = CounterMetricFamily(
            "vision_frames_skipped", "Frames not inferred", labels=["camera", "reason"]
        )
        gate = CounterMetricFamily(
            "vision_motion_gate",
            "Times the motion gate opened and closed, frames it passed and held back",
            labels=["camera", "decision"],
        )
        still = GaugeMetricFamily(
            "vision_camera_still", "1 while the motion gate is shut", labels=["camera"]
        )
        seen = CounterMetricFamily(
            "vision_detections", "Objects reported", labels=["camera", "label"]
        )
        for view in self._views():
            for value in CameraState:
                state.add_metric([view.name, value], float(view.state is value))
            fps.add_metric([view.name, "decoded"], view.fps_in)
            fps.add_metric([view.name, "inferred"], view.fps_inferred)
            if view.frame_age_s is not None:
                age.add_metric([view.name], view.frame_age_s)
            for reason, count in view.skipped.items():
                skipped.add_metric([view.name, reason], count)
            for decision, count in view.gate.items():
                gate.add_metric([view.name, decision], count)
            if view.gate:
                still.add_metric([view.name], float(view.is_still))
            for label, count in view.labels.items():
                seen.add_metric([view.name, label], count)
        yield from (state, fps, age, skipped, gate, still, seen)


class NodeMetrics:
    """What a node measures of itself. Thread-safe."""

    def __init__(self, views: Callable[[], Iterable[CameraView]]) -> None:
        """``views`` gives a reading of all cameras at scrape time."""
        self._registry = CollectorRegistry()
        self._registry.register(_CameraCollector(views))
        self.capture_to_publish = Histogram(
            "vision_capture_to_publish_seconds",
            "Seconds from capture to the outbox",
            ["camera"],
            buckets=_LATENCY_BUCKETS_S,
            registry=self._registry,
        )
        self.inference = Histogram(
            "vision_inference_seconds",
            "Seconds a frame spends in the engine",
            buckets=_LATENCY_BUCKETS_S,
            registry=self._registry,
        )
        self.published = Counter(
            "vision_messages_published", "Messages Redis accepted", registry=self._registry
        )
        self.dropped = Counter(
            "vision_messages_dropped",
            "Messages that will never reach their stream",
            ["camera", "reason"],
            registry=self._registry,
        )
        self.outbox = Gauge(
            "vision_outbox_messages", "Messages that wait for Redis", registry=self._registry
        )
        self.redis_up = Gauge("vision_redis_up", "1 while Redis answers", registry=self._registry)

    def exposition(self) -> tuple[bytes, str]:
        """All metrics in Prometheus' text format, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
