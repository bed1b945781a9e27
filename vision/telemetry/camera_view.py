"""What is known of a camera right now: one reading for the page, the table and the API."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from vision.domain.status import CameraState


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
        restarts: Ingest processes lost, by :class:`vision.domain.losses.WorkerLoss`.
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


@dataclass(frozen=True, slots=True)
class CameraView:
    """One camera at a glance.

    Attributes:
        name: From the configuration.
        state: What holds now.
        reason: Why, without any credential.
        since_ns: UTC nanoseconds since when.
        source_size: Width and height of the source picture, None before the first frame.
        fps_in: Frames per second decoded, over the last seconds.
        fps_inferred: Frames per second inferred, over the last seconds.
        frame_age_s: Seconds since capture of the newest frame that arrived, None before it.
        messages: Detection messages handed to the outbox since the start.
        labels: How often each label was seen since the start.
        latency_ms: Median and 99th percentile of capture to publish in milliseconds, over the
            last frames; None before the first.
        skipped: Frames not inferred since the start, by reason.
        gate: What its motion gate did, as far as known here: how often it ``opened`` and
            ``closed``, the frames that it let pass (``passed``) and those that it ``held``
            back since the camera's worker started; empty without a gate.
        is_still: Whether frames are held back now.
        is_asleep: Whether its decoder sleeps: ``fps_in`` is that of the key frames it looks at.
        counts: What only Prometheus is told.
    """

    name: str
    state: CameraState
    reason: str
    since_ns: int
    source_size: tuple[int, int] | None
    fps_in: float
    fps_inferred: float
    frame_age_s: float | None
    messages: int
    labels: dict[str, int]
    latency_ms: tuple[float, float] | None
    skipped: dict[str, int]
    gate: dict[str, int]
    is_still: bool
    is_asleep: bool
    counts: CameraCounts = field(default_factory=CameraCounts)


def p50_p99(values: Iterable[float]) -> tuple[float, float] | None:
    """Median and 99th percentile, one decimal; None without values."""
    ordered = sorted(values)
    if not ordered:
        return None
    p99 = ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
    return round(statistics.median(ordered), 1), round(p99, 1)
