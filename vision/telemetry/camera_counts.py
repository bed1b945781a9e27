"""What is counted of a camera from the start of its role on, for Prometheus."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace


@dataclass(slots=True)
class CameraCounts:
    """Totals over all ingest processes that the camera had: replacing one sets none back.

    Attributes:
        received: Coded frames received.
        decoded: Frames decoded.
        slept: Frames that arrived while the decoder slept.
        decode_errors: Coded frames that the decoder refused, and pictures not converted.
        offered: Frames that passed pace and motion gate.
        gate: What the motion gate did, by decision; empty without a gate.
        reconnects: Connections lost, by reason.
        state_changes: By the new state.
        restarts: Ingest processes lost, by :class:`vision.domain.worker_loss.WorkerLoss`.
        redactions: Credentials that the ingest processes took out of what they said.
        cpu_s: Processor time of the ingest processes, seconds.
        rss_bytes: Resident memory of the present one, None while there is none.
        clock_offset_s: Arrival minus the camera's clock, of the newest frame; None without one.
    """

    received: int = 0
    decoded: int = 0
    slept: int = 0
    decode_errors: int = 0
    offered: int = 0
    gate: dict[str, int] = field(default_factory=dict)
    reconnects: Counter[str] = field(default_factory=Counter)
    state_changes: Counter[str] = field(default_factory=Counter)
    restarts: Counter[str] = field(default_factory=Counter)
    redactions: int = 0
    cpu_s: float = 0.0
    rss_bytes: int | None = None
    clock_offset_s: float | None = None

    def copy(self) -> CameraCounts:
        """One that goes on changing no more."""
        return replace(
            self,
            gate=self.gate.copy(),
            reconnects=self.reconnects.copy(),
            state_changes=self.state_changes.copy(),
            restarts=self.restarts.copy(),
        )
