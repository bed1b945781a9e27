"""An inference worker with a source, an engine and clocks that do as they are told."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tests.support import engines, frames
from tests.support.engines import ScriptedBackend
from tests.support.frames import CountedLease
from vision.config.core import InferenceSettings
from vision.domain.detections import Detections, InferenceRecord
from vision.domain.frame import Frame, FrameMeta
from vision.frames.slot import FrameLease, FrameSource
from vision.inference.postprocess import DetectionFilter
from vision.inference.worker import DetectionSink, InferenceWorker

ALL = DetectionFilter(confidence=0.0, iou=0.7, max_detections=10)
"""All that is seen."""


@dataclass
class Clock:
    """Both clocks, moved by hand."""

    now_ns: int = 0

    def __call__(self) -> int:
        """The time."""
        return self.now_ns


@dataclass
class ScriptedSource:
    """Gives the prepared leases in turn and sets ``stop`` when there are no more.

    Each element of ``turns`` is what one call may give, at most one frame per camera.
    """

    turns: list[list[CountedLease]]
    stop: threading.Event
    before_take: Callable[[], None] = lambda: None
    limits: list[int] = field(default_factory=list)
    woken: int = 0

    def take(self, limit: int, timeout_s: float) -> list[FrameLease]:
        """The next leases."""
        assert limit > 0
        assert timeout_s >= 0
        self.before_take()
        self.limits.append(limit)
        if not self.turns:
            self.stop.set()
            return []
        given: list[FrameLease] = [*self.turns[0][:limit]]
        self.turns[0] = self.turns[0][limit:]
        if not self.turns[0]:
            self.turns.pop(0)
        return given

    def wait(self, timeout_s: float) -> None:
        """Return at once, as if woken."""
        assert timeout_s > 0

    def wake(self) -> None:
        """Count it."""
        self.woken += 1


@dataclass
class CollectingSink:
    """Collects what the worker delivers; every lease must still be held then."""

    metas: list[FrameMeta] = field(default_factory=list)
    seen: list[Detections] = field(default_factory=list)
    records: list[InferenceRecord] = field(default_factory=list)

    def __call__(self, lease: FrameLease, seen: Detections, record: InferenceRecord) -> None:
        """Take one."""
        assert isinstance(lease, CountedLease)
        assert lease.released == 0
        self.metas.append(lease.frame.meta)
        self.seen.append(seen)
        self.records.append(record)

    @property
    def skipped(self) -> list[int]:
        """Of each delivered frame."""
        return [record.skipped for record in self.records]


class SkipCounter(Counter[tuple[str, str]]):
    """Counts what is skipped."""

    def __call__(self, camera: str, reason: str, count: int) -> None:
        """Count it."""
        self[camera, reason] += count


def leased(
    camera: str, seq: int, *, run: int = 1, mono_ns: int = 0, number: int = 100
) -> CountedLease:
    """A frame that arrived at ``mono_ns``, 0 ms after its capture."""
    meta = frames.meta(camera, seq, run=run, mono_ns=mono_ns)
    meta = replace(meta, received_ns=meta.captured_ns)
    return CountedLease(Frame(meta, engines.picture(number)))


def worker_on(
    source: FrameSource,
    backend: ScriptedBackend,
    delivery: DetectionSink,
    skips: SkipCounter | None = None,
    clock: Clock | None = None,
    **settings: int,
) -> InferenceWorker:
    """One that takes from ``source``, both clocks of which are ``clock``."""
    clock = clock or Clock()
    return InferenceWorker(
        source,
        backend,
        delivery,
        settings=InferenceSettings(**settings),
        detection_filters={},
        detection_filter_for_all=ALL,
        on_skipped=SkipCounter() if skips is None else skips,
        mono_ns=clock,
        utc_ns=clock,
    )


def run_through(
    turns: Sequence[Sequence[CountedLease]],
    backend: ScriptedBackend,
    clock: Clock | None = None,
    before_take: Callable[[], None] = lambda: None,
    **settings: int,
) -> tuple[CollectingSink, SkipCounter]:
    """Let a worker work through ``turns``; every lease is released exactly once."""
    stop = threading.Event()
    source = ScriptedSource([list(turn) for turn in turns], stop, before_take)
    delivery, skips = CollectingSink(), SkipCounter()
    worker_on(source, backend, delivery, skips, clock, **settings).run(stop)
    assert [lease.released for turn in turns for lease in turn] == [1] * sum(map(len, turns))
    assert all(answer.released == 1 for answer in backend.answers)
    return delivery, skips


def seqs_of(delivery: CollectingSink) -> list[tuple[str, int]]:
    """Camera and number of each delivered frame."""
    return [(meta.camera, meta.seq) for meta in delivery.metas]
