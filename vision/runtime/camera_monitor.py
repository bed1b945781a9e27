"""What the node knows of a camera: state, rates, latency; and who must hear of changes."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable

from vision.capture.worker import CaptureCounters
from vision.domain.frame import FrameMeta
from vision.domain.status import CameraState, CameraStatus
from vision.telemetry.camera_view import CameraView, p50_p99

_log = logging.getLogger(__name__)
# Rates are means over this many seconds: steady to read, quick to show a change.
_WINDOW_S = 5.0
_LATENCIES = 512
_SMOOTHING = 0.2
# A picture is late when ten of the camera's own intervals passed, within these bounds.
_STALL_INTERVALS = 10
_STALL_BOUNDS_S = (1.0, 10.0)


class CameraMonitor:
    """Collects from the threads that serve one camera. Thread-safe."""

    def __init__(
        self,
        name: str,
        on_status: Callable[[CameraStatus], None],
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        utc_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._name = name
        self._on_status = on_status
        self._monotonic_ns = monotonic_ns
        self._utc_ns = utc_ns
        self._lock = threading.Lock()
        now_ns = utc_ns()
        self._status = CameraStatus(
            name, 0, CameraState.STARTING, "the node starts", since_ns=now_ns, at_ns=now_ns
        )
        self._decoded: deque[tuple[float, int]] = deque(maxlen=16)
        self._usual_fps = 0.0
        self._overrun = (0, 0)
        self._inferred_s: deque[float] = deque(maxlen=1024)
        self._latencies_ms: deque[float] = deque(maxlen=_LATENCIES)
        self._newest: FrameMeta | None = None
        self._newest_decoded_s: float | None = None
        self._messages = 0
        self._labels: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()

    @property
    def state(self) -> CameraState:
        """What holds now."""
        return self._status.state

    def on_state(
        self, run: int, state: CameraState, reason: str, retry_at_ns: int | None = None
    ) -> None:
        """Note a state and tell of it when it is news."""
        now_ns = self._utc_ns()
        with self._lock:
            old = self._status
            if (old.run, old.state, old.reason) == (run, state, reason) and retry_at_ns is None:
                return
            since_ns = old.since_ns if old.state is state else now_ns
            status = CameraStatus(self._name, run, state, reason, since_ns, now_ns, retry_at_ns)
            self._status = status
            if state is CameraState.ONLINE:
                self._newest_decoded_s = self._monotonic_ns() / 1e9
        if (old.state, old.reason) != (state, reason):
            _log.info("camera.state camera=%s state=%s reason=%s", self._name, state, reason)
        self._on_status(status)

    def on_heartbeat(self, run: int, counters: CaptureCounters) -> None:
        """Take over a worker's counters."""
        now_s = self._monotonic_ns() / 1e9
        with self._lock:
            self._learn_rate(now_s, counters.decoded)
            known = self._overrun[1] if self._overrun[0] == run else 0
            if counters.overrun > known:
                self._skipped["overrun"] += counters.overrun - known
            self._overrun = (run, counters.overrun)
            if counters.newest_mono_ns:
                self._newest_decoded_s = counters.newest_mono_ns / 1e9

    def _learn_rate(self, now_s: float, decoded: int) -> None:
        before_s, before = self._decoded[-1] if self._decoded else (now_s, decoded)
        self._decoded.append((now_s, decoded))
        if decoded > before and now_s > before_s:
            fps = (decoded - before) / (now_s - before_s)
            # Smoothed, or the second in which a stall begins would lower the bar for it.
            self._usual_fps += (fps - self._usual_fps) * (_SMOOTHING if self._usual_fps else 1)

    def on_frame(self, meta: FrameMeta) -> None:
        """Note the newest frame that arrived."""
        with self._lock:
            self._newest = meta
            self._newest_decoded_s = meta.received_mono_ns / 1e9

    def on_skipped(self, reason: str, count: int) -> None:
        """Count frames that will not be inferred."""
        with self._lock:
            self._skipped[reason] += count

    def on_published(self, meta: FrameMeta, labels: Iterable[str], now_mono_ns: int) -> None:
        """Note a message handed to the outbox."""
        with self._lock:
            self._messages += 1
            self._labels.update(labels)
            self._inferred_s.append(now_mono_ns / 1e9)
            self._latencies_ms.append(meta.age_ns(now_mono_ns) / 1e6)

    def check_stall(self) -> None:
        """Tell when an online camera has gone quiet, or a stalled one speaks again."""
        now_s = self._monotonic_ns() / 1e9
        with self._lock:
            status, newest_s = self._status, self._newest_decoded_s
            usual_fps = self._usual_fps
        if newest_s is None:
            return
        quiet_s = now_s - newest_s
        least_s, most_s = _STALL_BOUNDS_S
        limit_s = min(most_s, max(least_s, _STALL_INTERVALS / usual_fps)) if usual_fps else most_s
        if status.state is CameraState.ONLINE and quiet_s > limit_s:
            self.on_state(status.run, CameraState.STALLED, "connected, but no frame arrives")
        elif status.state is CameraState.STALLED and quiet_s < limit_s:
            self.on_state(status.run, CameraState.ONLINE, "frames arrive again")

    def view(self) -> CameraView:
        """One reading of everything."""
        now_ns = self._monotonic_ns()
        now_s = now_ns / 1e9
        with self._lock:
            newest, status = self._newest, self._status
            return CameraView(
                name=self._name,
                state=status.state,
                reason=status.reason,
                since_ns=status.since_ns,
                source_size=None if newest is None else (newest.width, newest.height),
                fps_in=self._fps_in(now_s),
                fps_inferred=_rate(self._inferred_s, now_s),
                frame_age_s=None if newest is None else newest.age_ns(now_ns) / 1e9,
                messages=self._messages,
                labels=dict(self._labels),
                latency_ms=p50_p99(self._latencies_ms),
                skipped=dict(self._skipped),
            )

    def _fps_in(self, now_s: float) -> float:
        recent = [sample for sample in self._decoded if now_s - sample[0] <= _WINDOW_S + 1]
        if not recent:
            return 0.0
        (first_s, first), (last_s, last) = recent[0], recent[-1]
        # A new worker counts from nothing again.
        return (last - first) / (last_s - first_s) if last_s > first_s and last > first else 0.0


def _rate(times_s: Iterable[float], now_s: float) -> float:
    recent = [moment for moment in times_s if now_s - moment <= _WINDOW_S]
    if len(recent) < 2:  # noqa: PLR2004  a rate needs two
        return 0.0
    return (len(recent) - 1) / max(recent[-1] - recent[0], now_s - recent[0], 1e-9)
