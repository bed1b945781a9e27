"""A camera's counts over all the ingest processes it has, one after the other."""

from __future__ import annotations

from vision.capture.counters import CaptureCounters
from vision.domain.errors import SourceErrorCode
from vision.domain.frame import FrameMeta
from vision.domain.status import CameraState
from vision.domain.worker_loss import WorkerLoss
from vision.runtime.ingest.protocol import WorkerVitals
from vision.telemetry.camera_counts import CameraCounts


class CameraTally:
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
                ("opened", counters.gate_opened - known.gate_opened),
                ("closed", counters.gate_closed - known.gate_closed),
                ("passed", counters.offered - known.offered),
                ("held", counters.gated - known.gated),
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
