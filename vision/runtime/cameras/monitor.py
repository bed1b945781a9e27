"""What the node knows of a camera: state, rates, latency; and who must hear of changes."""

from __future__ import annotations

import logging
import statistics
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable

from vision.capture.counters import CaptureCounters
from vision.domain.errors import SourceErrorCode
from vision.domain.frame import FrameMeta
from vision.domain.losses import SkipReason, WorkerLoss
from vision.domain.status import CameraState, CameraStatus
from vision.runtime.cameras.states import CameraStates, Observation, StateChange
from vision.runtime.cameras.totals import CameraTotals, GateView
from vision.runtime.ingest.protocol import Heartbeat
from vision.telemetry.camera_view import CameraView, p50_p99

_log = logging.getLogger(__name__)
# Rates are means over this many seconds: steady to read, quick to show a change.
_WINDOW_S = 5.0
_LATENCIES = 512
# A picture is late when ten of the camera's own intervals passed, within these bounds; and
# never before three of them, or a camera of one picture in a while would stall between two.
_STALL_INTERVALS = 10
_STALL_BOUNDS_S = (1.0, 10.0)
_LEAST_INTERVALS = 3
# The median of so many: neither a stall nor the burst after it counts as the camera's rate.
_INTERVALS = 15
# A worker that stood still has had no picture: this long it may take to get the next one.
_FRESH_LOOK_S = 1.5
# Between two heartbeats the worker knows better how long it has been quiet than the clock.
_FRESH_BEAT_S = 1.0
# Without parameter sets nothing decodes until the next key frame: that is no error yet.
_PATIENCE_S = 5.0
_PATIENCE_PACKETS = 25
# Pictures that B-frames hold back are no error either.
_REORDERED_PACKETS = 4


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
        self._states = CameraStates()
        self._status = CameraStatus(
            name, 0, CameraState.STARTING, "the node starts", since_ns=now_ns, at_ns=now_ns
        )
        self._decoded: deque[tuple[float, int]] = deque(maxlen=32)
        self._intervals_s: deque[float] = deque(maxlen=_INTERVALS)
        self._beat: tuple[float, int, CaptureCounters] | None = None
        self._spared_until_s = 0.0
        self._overrun = (0, 0)
        self._inferred_s: deque[float] = deque(maxlen=1024)
        self._latencies_ms: deque[float] = deque(maxlen=_LATENCIES)
        self._newest: FrameMeta | None = None
        self._newest_decoded_s: float | None = None
        self._messages = 0
        self._labels: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._gate = GateView()
        self._tally = CameraTotals()

    @property
    def state(self) -> CameraState:
        """What holds now."""
        return self._status.state

    def on_state(
        self,
        run: int,
        state: CameraState,
        reason: str,
        retry_at_ns: int | None = None,
        lost: SourceErrorCode | None = None,
    ) -> None:
        """Note what a worker says, and tell of it when it is news.

        ``lost`` says why a connection failed or ended, if one did.
        """
        with self._lock:
            if lost is not None:
                self._tally.on_lost_connection(lost)
            if state in {CameraState.ONLINE, CameraState.FROZEN}:
                self._newest_decoded_s = self._monotonic_ns() / 1e9
            elif state is not CameraState.CLOCK_STEP:
                # What was counted before says nothing of the next connection.
                self._beat = None
            self._notify(self._states.report(run, StateChange(state, reason, retry_at_ns)))

    def on_worker_lost(self, loss: WorkerLoss) -> None:
        """Count a worker that has to be replaced."""
        with self._lock:
            self._tally.on_lost_worker(loss)

    def on_heartbeat(self, run: int, beat: Heartbeat) -> None:
        """Take over a worker's counters, however long ago it sent them."""
        counters = beat.counters
        at_s = beat.at_mono_ns / 1e9
        with self._lock:
            self._learn_rate(at_s, run, counters)
            known = self._overrun[1] if self._overrun[0] == run else 0
            if counters.overrun > known:
                self._skipped[SkipReason.OVERRUN.value] += counters.overrun - known
            self._overrun = (run, counters.overrun)
            self._gate.on_heartbeat(counters)
            self._tally.on_heartbeat(run, counters, beat.vitals)
            if counters.newest_mono_ns:
                self._newest_decoded_s = counters.newest_mono_ns / 1e9
            if beat.stood_s:
                self._spared_until_s = at_s + _FRESH_LOOK_S
            self._judge(at_s)

    def _learn_rate(self, now_s: float, run: int, counters: CaptureCounters) -> None:
        self._decoded.append((now_s, counters.decoded))
        before = self._beat
        self._beat = (now_s, run, counters)
        if before is None or before[1] != run or not before[2].decoded:
            return
        # While its decoder sleeps a camera delivers as before.
        pictures = counters.decoded - before[2].decoded + counters.slept - before[2].slept
        passed_ns = counters.newest_mono_ns - before[2].newest_mono_ns
        if pictures > 0 and passed_ns > 0:
            self._intervals_s.append(passed_ns / 1e9 / pictures)

    def on_frame(self, meta: FrameMeta) -> None:
        """Note the newest frame that arrived."""
        with self._lock:
            self._newest = meta
            self._gate.on_frame(meta)
            self._tally.on_frame(meta)
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
        """Tell when a camera has gone quiet or shows nothing, or when it speaks again.

        Not to be called by somebody who stood still just now: what came meanwhile is unread.
        """
        with self._lock:
            self._judge(self._monotonic_ns() / 1e9)

    def _judge(self, now_s: float) -> None:
        if now_s >= self._spared_until_s:
            self._notify(self._states.observe(self._observe(now_s)))

    def _observe(self, now_s: float) -> Observation:
        beat_s, run, counters = self._beat or (0.0, 0, CaptureCounters())
        if run != self._states.run:
            counters = CaptureCounters()
        seen_s = beat_s if now_s - beat_s <= _FRESH_BEAT_S else now_s
        limit_s = self._limit_s()
        packets_come = seen_s - counters.newest_packet_mono_ns / 1e9 <= limit_s
        if not self._states.expects_pictures:
            waited_s = seen_s - counters.undecoded_since_mono_ns / 1e9
            waits = counters.undecoded < _PATIENCE_PACKETS or waited_s < _PATIENCE_S
            return Observation.PICTURES if waits or not packets_come else Observation.PACKETS
        if self._newest_decoded_s is None or seen_s - self._newest_decoded_s <= limit_s:
            return Observation.PICTURES
        if packets_come and counters.undecoded > _REORDERED_PACKETS:
            return Observation.PACKETS
        return Observation.NOTHING

    def _limit_s(self) -> float:
        """How long this camera may show no picture."""
        least_s, most_s = _STALL_BOUNDS_S
        if not self._intervals_s:
            # Nobody tells of pictures that are held back at a motion gate.
            return max(most_s, _LEAST_INTERVALS * self._gate.refresh_s)
        interval_s = statistics.median(self._intervals_s)
        bounded_s = min(most_s, _STALL_INTERVALS * interval_s)
        return max(least_s, bounded_s, _LEAST_INTERVALS * interval_s)

    def _notify(self, news: Iterable[StateChange]) -> None:
        # Under the lock, or two threads could tell of two changes in the wrong order.
        for state, reason, retry_at_ns in news:
            old, now_ns = self._status, self._utc_ns()
            since_ns = old.since_ns if old.state is state else now_ns
            if old.state is not state:
                self._tally.on_change(state)
            self._status = CameraStatus(
                self._name, self._states.run, state, reason, since_ns, now_ns, retry_at_ns
            )
            if (old.state, old.reason) != (state, reason):
                _log.info("camera.state camera=%s state=%s reason=%s", self._name, state, reason)
            self._on_status(self._status)

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
                gate=self._gate.decisions,
                is_still=self._gate.is_still and status.state.delivers,
                is_asleep=self._gate.is_asleep and status.state.delivers,
                counts=self._tally.read(),
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
