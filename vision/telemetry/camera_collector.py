"""The cameras' metrics, read when somebody scrapes: nothing to keep in step, nothing stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from vision.domain.status import CameraState
from vision.telemetry import families as f
from vision.telemetry.camera_view import CameraView
from vision.telemetry.family import AnyFamily, Role

Value = tuple[tuple[str, ...], float]


class CameraCollector(Collector):
    """Turns readings of cameras into metrics."""

    def __init__(self, views: Callable[[], Iterable[CameraView]], role: Role) -> None:
        """``views`` gives a reading of all cameras."""
        self._views = views
        self._role = role

    def collect(self) -> Iterator[Metric]:
        """All metrics of all cameras."""
        views = list(self._views())
        for family, values in _READINGS.items():
            if self._role in family.roles:
                metric = family.reading()
                for view in views:
                    for labels, value in values(view):
                        metric.add_metric([view.name, *labels], value)
                yield metric


def _one(read: Callable[[CameraView], float | None]) -> Callable[[CameraView], Iterable[Value]]:
    def values(view: CameraView) -> Iterator[Value]:
        value = read(view)
        if value is not None:
            yield (), value

    return values


def _by(
    family: AnyFamily, read: Callable[[CameraView], Mapping[str, int]]
) -> Callable[[CameraView], Iterable[Value]]:
    """Counts by a closed label, those included that are nothing yet.

    Of a series that begins with its first event, no rate can tell that event.
    """
    known = family.labels[-1].values

    def values(view: CameraView) -> Iterator[Value]:
        counts = read(view)
        for value in {**dict.fromkeys(known), **dict.fromkeys(counts)}:
            yield (value,), counts.get(value, 0)

    return values


def _states(view: CameraView) -> Iterator[Value]:
    for state in CameraState:
        yield (state,), float(view.state is state)


def _gate(view: CameraView) -> Iterator[Value]:
    for decision, count in view.counts.gate.items():
        yield (decision,), count


def _labels(view: CameraView) -> Iterator[Value]:
    for label, count in view.labels.items():
        yield (label,), count


def _fps(view: CameraView) -> Iterator[Value]:
    decoded, inferred = f.FPS.labels[-1].values
    yield (decoded,), view.fps_in
    yield (inferred,), view.fps_inferred


_READINGS: Mapping[AnyFamily, Callable[[CameraView], Iterable[Value]]] = {
    f.STATE: _states,
    f.FPS: _fps,
    f.NEWEST_AGE: _one(lambda view: view.frame_age_s),
    f.CLOCK_OFFSET: _one(lambda view: view.counts.clock_offset_s),
    f.STILL: _one(lambda view: float(view.is_still) if view.gate else None),
    f.ASLEEP: _one(lambda view: float(view.is_asleep) if view.gate else None),
    f.RECEIVED: _one(lambda view: view.counts.received),
    f.DECODED: _one(lambda view: view.counts.decoded),
    f.SLEPT: _one(lambda view: view.counts.slept),
    f.DECODE_ERRORS: _one(lambda view: view.counts.decode_errors),
    f.OFFERED: _one(lambda view: view.counts.offered),
    f.SKIPPED: _by(f.SKIPPED, lambda view: view.skipped),
    f.INFERRED: _one(lambda view: view.messages),
    f.DETECTIONS: _labels,
    f.GATE: _gate,
    f.RECONNECTS: _by(f.RECONNECTS, lambda view: view.counts.reconnects),
    f.STALLS: _one(lambda view: view.counts.state_changes[CameraState.STALLED]),
    f.STATE_CHANGES: _by(f.STATE_CHANGES, lambda view: view.counts.state_changes),
    f.RESTARTS: _by(f.RESTARTS, lambda view: view.counts.restarts),
    f.WORKER_CPU: _one(lambda view: view.counts.cpu_s),
    f.WORKER_RSS: _one(lambda view: view.counts.rss_bytes),
}
