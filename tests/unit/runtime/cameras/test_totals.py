"""A camera's counts go on over the processes that serve it, and never back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.frames import meta
from vision.capture.counters import CaptureCounters
from vision.domain.errors import SourceErrorCode
from vision.domain.losses import WorkerLoss
from vision.domain.status import CameraState, CameraStatus
from vision.runtime.cameras.monitor import CameraMonitor
from vision.runtime.cameras.totals import CameraTotals
from vision.runtime.ingest.protocol import WorkerVitals
from vision.telemetry.camera_view import CameraCounts

_BEATS = st.lists(st.integers(0, 1000), min_size=1, max_size=6).map(sorted)


def beat(tally: CameraTotals, run: int, count: int) -> CameraCounts:
    """A heartbeat of a worker that did everything ``count`` times."""
    counters = CaptureCounters(
        packets=count, decoded=count, slept=count, offered=count, gated=count, gate_opened=count
    )
    tally.on_heartbeat(run, counters, WorkerVitals(count / 10, 1000 + run, count))
    return tally.read()


@given(st.lists(_BEATS, min_size=1, max_size=5))
def test_replacing_a_worker_sets_nothing_back(workers: list[list[int]]) -> None:
    """The total is the sum of what each worker counted last, at every step no less than before."""
    tally, before = CameraTotals(), CameraCounts()
    for run, beats in enumerate(workers, start=1):
        for count in beats:
            now = beat(tally, run, count)
            assert now.received >= before.received
            assert now.cpu_s >= before.cpu_s - 1e-9
            assert now.gate.get("held", 0) >= before.gate.get("held", 0)
            before = now
    total = sum(beats[-1] for beats in workers)
    assert (before.received, before.decoded, before.slept, before.offered) == (total,) * 4
    assert before.redactions == total
    assert abs(before.cpu_s - total / 10) < 1e-6
    assert before.gate == (
        {"opened": total, "closed": 0, "passed": total, "held": total} if total else {}
    )


def test_the_last_words_of_a_worker_that_was_replaced_count_no_more() -> None:
    """They would be taken for its successor's."""
    tally = CameraTotals()
    beat(tally, 1, 10)
    beat(tally, 2, 3)
    assert beat(tally, 1, 11).received == 13


def test_a_lost_worker_is_counted_and_its_memory_forgotten() -> None:
    """Until the next one says how much it holds."""
    tally = CameraTotals()
    assert beat(tally, 1, 1).rss_bytes == 1001
    tally.on_lost_worker(WorkerLoss.KILLED)
    assert (tally.read().rss_bytes, tally.read().restarts) == (None, {"killed": 1})
    assert beat(tally, 2, 1).rss_bytes == 1002


def test_a_reading_is_not_changed_by_what_comes_after_it() -> None:
    """A scrape reads it without any lock."""
    tally = CameraTotals()
    tally.on_change(CameraState.ONLINE)
    reading = tally.read()
    tally.on_change(CameraState.ONLINE)
    beat(tally, 1, 1)
    assert (reading.state_changes, reading.gate) == ({"online": 1}, {})


def test_the_clock_of_a_camera_that_is_away_is_unknown() -> None:
    """Its offset is told again with its next frame."""
    tally = CameraTotals()
    tally.on_frame(meta())
    assert tally.read().clock_offset_s == 0.05
    tally.on_change(CameraState.RECONNECTING)
    assert tally.read().clock_offset_s is None


def test_a_camera_counts_its_changes_and_its_lost_connections() -> None:
    """Through the monitor, which hears of them: a repeated state is no change."""
    told: list[CameraStatus] = []
    monitor = CameraMonitor("front", told.append)
    monitor.on_state(1, CameraState.STARTING, "starts")
    monitor.on_state(1, CameraState.ONLINE, "frames arrive")
    for reason in ("no route", "no answer"):
        monitor.on_state(1, CameraState.RECONNECTING, reason, 5, SourceErrorCode.UNREACHABLE)
    monitor.on_worker_lost(WorkerLoss.SILENT)
    counts = monitor.view().counts
    assert counts.state_changes == {"online": 1, "reconnecting": 1}
    assert counts.reconnects == {"unreachable": 2}
    assert counts.restarts == {"silent": 1}
    assert len(told) == 4
