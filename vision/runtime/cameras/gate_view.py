"""What is known of a camera's motion gate: from its worker's heartbeat, else from its frames."""

from __future__ import annotations

from vision.capture.counters import CaptureCounters
from vision.domain.frame import FrameMeta


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
            "opened": counters.gate_opened,
            "closed": counters.gate_closed,
            "passed": counters.offered,
            "held": counters.gated,
        }
        self.is_still = counters.gate_opened == counters.gate_closed

    def on_frame(self, meta: FrameMeta) -> None:
        """Learn what a frame tells, where the worker is out of hearing."""
        self.refresh_s = meta.refresh_s
        if self._hears_worker or not meta.refresh_s:
            return
        self.decisions = {"passed": meta.seq, "held": meta.gated}
        # While the gate is shut, each frame is a refresh that comes after others were held back.
        self.is_still = meta.gated > self._gated
        self._gated = meta.gated
