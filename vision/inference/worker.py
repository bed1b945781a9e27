"""The inference worker: newest frames in, detections out, any number of cameras."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from vision.config.core import InferenceSettings
from vision.domain.detections import Detections, InferenceRecord
from vision.domain.errors import InferenceError
from vision.domain.frame import FrameMeta
from vision.domain.losses import SkipReason
from vision.domain.noop import noop
from vision.frames.latest_frame_slot import SkipObserver
from vision.frames.slot import FrameLease, FrameSource
from vision.inference.backend import Backend, BatchResult, RawResult
from vision.inference.postprocess import DetectionFilter, Postprocessor
from vision.inference.reorder_buffer import FrameResult, InFlightFrame, ReorderBuffer
from vision.inference.staleness import Staleness
from vision.resilience.log_throttle import LogThrottle
from vision.resilience.suspension import SuspensionAwareClock

_log = logging.getLogger(__name__)
_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
# Nothing depends on it: the worker is woken by frames, answers and the one who stops it.
_PATIENCE_S = 0.5
# An engine that is silent for so long will not answer any more; but a turn that takes longer
# than two seconds says that this process stood still, and the engine's threads with it.
_ANSWER_LIMIT_S, _TURN_S = 30.0, 2.0


class DetectionSink(Protocol):
    """Where what was seen goes."""

    def __call__(self, lease: FrameLease, seen: Detections, record: InferenceRecord) -> None:
        """Take the detections of a frame, never blocking; the lease is valid until it returns."""


class SubmitObserver(Protocol):
    """Learns what the engine takes."""

    def __call__(self, batch: Sequence[FrameMeta], now_mono_ns: int) -> None:
        """The engine took these frames, as one request, at ``now_mono_ns``."""


class DiscardObserver(Protocol):
    """Learns what the model should not have answered."""

    def __call__(self, camera: str, count: int) -> None:
        """So many detections of a frame were left out: score or box mean nothing."""


class _Request(NamedTuple):
    """Frames in the engine, since when, and since when by the worker's own time."""

    batch: Sequence[InFlightFrame]
    started_ns: int
    awake_s: float


_ABANDONED = _Request((), 0, 0.0)


class InferenceWorker:
    """Keeps the engine busy with the newest frames and delivers each camera's in order.

    It runs in the one thread that calls :meth:`run`, which can be called again after it
    raised: what was delivered before still counts in ``skipped``.
    """

    def __init__(
        self,
        source: FrameSource,
        backend: Backend,
        sink: DetectionSink,
        *,
        settings: InferenceSettings,
        detection_filters: Mapping[str, DetectionFilter],
        detection_filter_for_all: DetectionFilter,
        on_skipped: SkipObserver,
        on_submitted: SubmitObserver = noop,
        on_discarded: DiscardObserver = noop,
        mono_ns: Callable[[], int] = time.monotonic_ns,
        utc_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Wire the worker.

        Args:
            source: Where frames are taken from.
            backend: The engine; it stays the caller's to close.
            sink: Where detections go; what it raises ends :meth:`run`.
            settings: ``max_batch``, ``max_wait_ms`` and ``max_staleness_ms`` are used.
            detection_filters: What to report of each camera.
            detection_filter_for_all: What to report of cameras not named there.
            on_skipped: Told of frames that were taken and not delivered, by
                :class:`SkipReason`; those that were never taken are the source's to count.
            on_submitted: Told of each request to the engine.
            on_discarded: Told of detections that mean nothing.
            mono_ns: CLOCK_MONOTONIC in nanoseconds.
            utc_ns: UTC in nanoseconds.
        """
        self._source = source
        self._backend = backend
        self._sink = sink
        self._max_batch = min(settings.max_batch, backend.max_batch)
        self._max_wait_ns = settings.max_wait_ms * _NS_PER_MS
        self._staleness = Staleness(settings.max_staleness_ms * _NS_PER_MS)
        self._detection_filters = detection_filters
        self._detection_filter_for_all = detection_filter_for_all
        self._on_skipped = on_skipped
        self._on_submitted = on_submitted
        self._on_discarded = on_discarded
        self._mono_ns = mono_ns
        self._utc_ns = utc_ns
        self._postprocess = Postprocessor(backend.model.labels)
        self._damper = LogThrottle()
        self._order = ReorderBuffer()
        self._under_way: dict[int, _Request] = {}
        self._awake = SuspensionAwareClock(_TURN_S, lambda: mono_ns() / _NS_PER_S)
        self._turned_ns = mono_ns()
        # Leases held: those in the engine, and as many that wait for one before them.
        self._most_held = 2 * backend.capacity * self._max_batch

    def retune(
        self,
        detection_filters: Mapping[str, DetectionFilter],
        detection_filter_for_all: DetectionFilter,
    ) -> None:
        """Report by these from the next result on; from any thread."""
        self._detection_filters = detection_filters
        self._detection_filter_for_all = detection_filter_for_all

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, then deliver what is under way and return.

        Call :meth:`wake` after setting ``stop``, or it takes up to half a second.

        Raises:
            InferenceError: The engine does not answer any more.
        """
        self._backend.notify(self.wake)
        try:
            while not stop.is_set():
                self._run_once()
            while self._under_way:
                self._ack(self._wait_for_answers())
        finally:
            self._under_way.clear()
            for job in self._order.abandon():
                job.lease.release()

    @property
    def last_heartbeat_ns(self) -> int:
        """When it last looked around, on CLOCK_MONOTONIC: about a second ago at most."""
        return self._turned_ns

    def wake(self) -> None:
        """Have the worker look around at once; callable from any thread."""
        self._source.wake()

    def _run_once(self) -> None:
        self._turned_ns = self._mono_ns()
        self._awake.tick()
        answers = self._backend.finished()
        if not answers and self._room() <= 0:
            answers = self._wait_for_answers()
        if (room := self._room()) > 0:
            # First the engine, then the results: it works while they are read.
            self._submit(self._admit(self._take(room, 0 if answers else _PATIENCE_S)))
        self._ack(answers)

    def _room(self) -> int:
        """How many frames may be taken."""
        return min(self._backend.free() * self._max_batch, self._most_held - len(self._order))

    def _take(self, room: int, timeout_s: float) -> list[FrameLease]:
        """Frames for the engine; waits for a batch to fill where batches help."""
        leases = self._source.take(room, timeout_s)
        deadline_ns = self._mono_ns() + self._max_wait_ns
        while 0 < len(leases) < min(room, self._max_batch):
            left_ns = deadline_ns - self._mono_ns()
            if left_ns <= 0:
                break
            more = self._source.take(self._max_batch - len(leases), left_ns / _NS_PER_S)
            leases += more
            if not more:
                # An answer came, or time is over: an idle engine is not kept waiting.
                break
        return leases

    def _admit(self, leases: Sequence[FrameLease]) -> list[InFlightFrame]:
        """Queue the frames that are young and new enough, and release the others."""
        now_ns = self._mono_ns()
        jobs: list[InFlightFrame] = []
        skipped: list[tuple[str, SkipReason]] = []
        for lease in leases:
            meta = lease.frame.meta
            reason = self._reason_to_skip(meta, now_ns)
            if reason is None:
                job = InFlightFrame(lease)
                self._order.add(job)
                jobs.append(job)
            else:
                lease.release()
                skipped.append((meta.camera, reason))
        for camera, reason in skipped:
            self._on_skipped(camera, reason.value, 1)
        return jobs

    def _reason_to_skip(self, meta: FrameMeta, now_ns: int) -> SkipReason | None:
        if not self._order.is_next(meta):
            return SkipReason.REPEATED
        if self._staleness.is_stale(meta, now_ns):
            return SkipReason.STALE
        return None

    def _submit(self, jobs: Sequence[InFlightFrame]) -> None:
        for start in range(0, len(jobs), self._max_batch):
            batch = jobs[start : start + self._max_batch]
            now_ns = self._mono_ns()
            try:
                ticket = self._backend.submit([job.lease.frame.image for job in batch])
            except InferenceError as error:
                self._fail(batch, error)
                self._deliver(batch)
            else:
                self._under_way[ticket] = _Request(batch, now_ns, self._awake())
                self._on_submitted([job.meta for job in batch], now_ns)

    def _wait_for_answers(self) -> Sequence[BatchResult]:
        """Wait until the engine may have answered."""
        self._source.wait(_PATIENCE_S)
        return self._backend.finished()

    def _check_engine(self) -> None:
        self._awake.tick()
        latest_s = self._awake() - _ANSWER_LIMIT_S
        if any(request.awake_s < latest_s for request in self._under_way.values()):
            raise InferenceError(f"the engine has not answered for {_ANSWER_LIMIT_S:.0f} s")

    def _ack(self, answers: Sequence[BatchResult]) -> None:
        if not answers:
            self._check_engine()
        try:
            for answer in answers:
                # An answer to a batch that was abandoned has nobody to go to.
                batch, started_ns, _ = self._under_way.pop(answer.ticket, _ABANDONED)
                if isinstance(answer.results, InferenceError):
                    self._fail(batch, answer.results)
                else:
                    elapsed_ms = (answer.finished_mono_ns - started_ns) / _NS_PER_MS
                    for job, raw in zip(batch, answer.results, strict=False):
                        self._read(job, raw, elapsed_ms)
                self._deliver(batch)
        finally:
            for answer in answers:
                answer.release()

    def _read(self, job: InFlightFrame, raw: RawResult, elapsed_ms: float) -> None:
        selection = self._detection_filters.get(job.meta.camera, self._detection_filter_for_all)
        detections = self._postprocess(raw.output, raw.letterbox, selection)
        if detections.discarded:
            self._on_discarded(job.meta.camera, detections.discarded)
            if times := self._damper.admit(f"discarded {job.meta.camera}"):
                _log.error(
                    "inference.result_discarded camera=%s count=%d times=%d reason=a score above 1, "
                    "or no number at all: the model's file or the engine is broken",
                    job.meta.camera,
                    detections.discarded,
                    times,
                )
        job.close(FrameResult(detections, raw.input_size, self._utc_ns(), elapsed_ms))

    def _fail(self, batch: Sequence[InFlightFrame], error: InferenceError) -> None:
        for job in batch:
            job.close(None)
            if count := self._damper.admit(SkipReason.ENGINE_ERROR):
                _log.warning(
                    "inference.frame_failed camera=%s count=%d reason=%s",
                    job.meta.camera,
                    count,
                    error,
                )

    def _deliver(self, batch: Sequence[InFlightFrame]) -> None:
        """Pass on what no longer waits for an earlier frame of its camera."""
        for camera in {job.meta.camera: None for job in batch}:
            for job in self._order.closed(camera):
                self._pass_on(job)

    def _pass_on(self, job: InFlightFrame) -> None:
        try:
            if job.seen is None:
                self._on_skipped(job.meta.camera, SkipReason.ENGINE_ERROR.value, 1)
                return
            record = InferenceRecord(
                model=self._backend.model,
                input_size=job.seen.input_size,
                inferred_ns=job.seen.inferred_ns,
                inference_ms=job.seen.inference_ms,
                skipped=self._order.passed_over(job),
            )
            self._sink(job.lease, job.seen.detections, record)
            self._order.delivered(job.meta)
        finally:
            job.lease.release()
