"""A camera's counts over all the ingest processes it has, one after the other."""

from __future__ import annotations

from vision.capture.counters import CaptureCounters
from vision.domain.errors import SourceErrorCode
from vision.domain.frame import FrameMeta, GateDecision
from vision.domain.losses import WorkerLoss
from vision.domain.status import CameraState
from vision.runtime.ingest.protocol import WorkerVitals
from vision.telemetry.camera_view import CameraCounts


class GateView:
    """The newest reading; the caller sees to threads.

    Attributes:
        decisions: See :class:`vision.telemetry.camera_view.CameraView`.
        is_still: Whether the gate is shut.
        is_asleep: Whether the decoder sleeps, as far as its worker is in hearing.
        refresh_s: A frame passes at least so often, 0 without a gate.
    """

    def __init__(self) -> None:
        self.decisions: dict[str, int] = {}
        self.is_still = False
        self.is_asleep = False
        self.refresh_s = 0.0
        self._hears_worker = False
        self._gated = 0

    def on_heartbeat(self, counters: CaptureCounters) -> None:
        """Take over the counters of the camera's worker, who knows best."""
        self._hears_worker = True
        self.is_asleep = counters.is_asleep
        # The first frame of a gated camera opens its gate.
        if not counters.gate_opened:
            return
        self.decisions = {
            GateDecision.OPENED.value: counters.gate_opened,
            GateDecision.CLOSED.value: counters.gate_closed,
            GateDecision.PASSED.value: counters.offered,
            GateDecision.HELD.value: counters.gated,
        }
        self.is_still = counters.gate_opened == counters.gate_closed

    def on_frame(self, meta: FrameMeta) -> None:
        """Learn what a frame tells, where the worker is out of hearing."""
        self.refresh_s = meta.refresh_s
        if self._hears_worker or not meta.refresh_s:
            return
        self.decisions = {GateDecision.PASSED.value: meta.seq, GateDecision.HELD.value: meta.gated}
        # While the gate is shut, each frame is a refresh that comes after others were held back.
        self.is_still = meta.gated > self._gated
        self._gated = meta.gated


class CameraTotals:
    """Adds up; the caller sees to threads."""

    def __init__(self) -> None:
        self._counts = CameraCounts()
        self._run = 0
        self._counters = CaptureCounters()
        self._vitals = WorkerVitals()

    def read(self) -> CameraCounts:
        """The counts as they are now."""
        return self._counts.copy()

    def on_heartbeat(
        self, run: int, counters: CaptureCounters, vitals: WorkerVitals | None
    ) -> None:
        """Add what the worker of ``run`` has counted since its last word."""
        if run < self._run:
            return
        if run > self._run:
            # Each process counts from nothing.
            self._run, self._counters, self._vitals = run, CaptureCounters(), WorkerVitals()
        counts, known = self._counts, self._counters
        counts.received += counters.packets - known.packets
        counts.decoded += counters.decoded - known.decoded
        counts.slept += counters.slept - known.slept
        counts.decode_errors += counters.decode_errors - known.decode_errors
        counts.offered += counters.offered - known.offered
        # The first frame of a gated camera opens its gate.
        if counters.gate_opened:
            for decision, more in (
                (GateDecision.OPENED.value, counters.gate_opened - known.gate_opened),
                (GateDecision.CLOSED.value, counters.gate_closed - known.gate_closed),
                (GateDecision.PASSED.value, counters.offered - known.offered),
                (GateDecision.HELD.value, counters.gated - known.gated),
            ):
                counts.gate[decision] = counts.gate.get(decision, 0) + more
        self._counters = counters
        if vitals is not None:
            counts.cpu_s += vitals.cpu_s - self._vitals.cpu_s
            counts.redactions += vitals.redactions - self._vitals.redactions
            counts.rss_bytes = vitals.rss_bytes
            self._vitals = vitals

    def on_frame(self, meta: FrameMeta) -> None:
        """Note the clock by which the newest frame was stamped."""
        offset_ms = meta.clock_offset_ms
        self._counts.clock_offset_s = None if offset_ms is None else offset_ms / 1000

    def on_lost_connection(self, code: SourceErrorCode) -> None:
        """Count a connection that failed or ended."""
        self._counts.reconnects[code] += 1

    def on_lost_worker(self, loss: WorkerLoss) -> None:
        """Count a worker that is gone; its memory is nobody's any more."""
        self._counts.restarts[loss] += 1
        self._counts.rss_bytes = None

    def on_change(self, state: CameraState) -> None:
        """Count a change of the camera's state."""
        self._counts.state_changes[state] += 1
        if not state.delivers:
            # It says nothing of the next connection.
            self._counts.clock_offset_s = None
