"""The monitor knows a camera's state, rates and skips, and tells of changes once."""

from __future__ import annotations

import dataclasses

import pytest

from tests.support.frames import meta
from vision.capture.counters import CaptureCounters
from vision.domain.status import CameraState, CameraStatus
from vision.runtime.camera_monitor import CameraMonitor

SECOND = 1_000_000_000


class Bench:
    """A monitor on clocks that stand still until they are moved."""

    def __init__(self) -> None:
        self.now_ns = 1000 * SECOND
        self.told: list[CameraStatus] = []
        self.monitor = CameraMonitor(
            "front", self.told.append, lambda: self.now_ns, lambda: self.now_ns
        )

    def state(self) -> CameraState:
        """What was told last."""
        return self.told[-1].state

    def online(self, fps: int, seconds: int) -> None:
        """Be online and beat each second."""
        self.monitor.on_state(1, CameraState.ONLINE, "frames arrive")
        for second in range(seconds):
            self.now_ns += SECOND
            self.beat(CaptureCounters(decoded=fps * (second + 1), newest_mono_ns=self.now_ns))

    def beat(self, counters: CaptureCounters) -> None:
        """One heartbeat of run 1."""
        self.monitor.on_heartbeat(1, counters)


@pytest.fixture
def bench() -> Bench:
    """A monitor at the start."""
    return Bench()


def test_a_state_is_told_once_and_again_with_a_new_retry(bench: Bench) -> None:
    """Repeating what is known is no news; a planned attempt is."""
    bench.monitor.on_state(1, CameraState.RECONNECTING, "refused", 5)
    bench.monitor.on_state(1, CameraState.RECONNECTING, "refused", 9)
    bench.monitor.on_state(1, CameraState.ONLINE, "frames arrive")
    bench.monitor.on_state(1, CameraState.ONLINE, "frames arrive")
    assert [(status.state, status.retry_at_ns) for status in bench.told] == [
        (CameraState.RECONNECTING, 5),
        (CameraState.RECONNECTING, 9),
        (CameraState.ONLINE, None),
    ]


def test_since_is_when_the_state_began(bench: Bench) -> None:
    """Not when it was told last."""
    bench.monitor.on_state(1, CameraState.RECONNECTING, "refused", 5)
    began_ns = bench.now_ns
    bench.now_ns += 60 * SECOND
    bench.monitor.on_state(1, CameraState.RECONNECTING, "no answer", 9)
    assert bench.told[-1].since_ns == began_ns
    assert bench.told[-1].at_ns == bench.now_ns


@pytest.mark.parametrize(("fps", "limit_s"), [(25, 1), (10, 1), (2, 5), (1, 10)])
def test_a_stall_is_judged_by_the_cameras_own_rate(bench: Bench, fps: int, limit_s: int) -> None:
    """Ten of its intervals, between one second and ten."""
    bench.online(fps, 5)
    bench.now_ns += limit_s * SECOND - SECOND // 10
    bench.monitor.check_stall()
    assert bench.state() is CameraState.ONLINE
    bench.now_ns += SECOND // 5
    bench.monitor.check_stall()
    assert bench.state() is CameraState.STALLED


def test_a_stall_stays_one_until_a_frame_arrives(bench: Bench) -> None:
    """Heartbeats without frames do not make a camera look alive."""
    bench.online(10, 5)
    states = []
    for _ in range(30):
        bench.now_ns += SECOND
        bench.beat(CaptureCounters(decoded=50, newest_mono_ns=1005 * SECOND))
        bench.monitor.check_stall()
        states.append(bench.monitor.state)
    assert states == [CameraState.ONLINE] + [CameraState.STALLED] * 29
    bench.beat(CaptureCounters(decoded=51, newest_mono_ns=bench.now_ns))
    bench.monitor.check_stall()
    assert bench.state() is CameraState.ONLINE


def test_a_camera_that_is_not_connected_does_not_stall(bench: Bench) -> None:
    """Its state already says more."""
    bench.online(10, 3)
    bench.monitor.on_state(1, CameraState.AUTH_FAILED, "401", 5)
    bench.now_ns += 60 * SECOND
    bench.monitor.check_stall()
    assert bench.monitor.state is CameraState.AUTH_FAILED


def test_rates_come_from_the_last_seconds(bench: Bench) -> None:
    """What was decoded and what was inferred, each per second."""
    bench.online(25, 8)
    for number in range(20):
        at_ns = bench.now_ns - 4 * SECOND + number * SECOND // 5
        bench.monitor.on_published(dataclasses.replace(meta(seq=number)), ["person"], at_ns)
    view = bench.monitor.view()
    assert view.fps_in == pytest.approx(25)
    assert view.fps_inferred == pytest.approx(5, rel=0.1)
    bench.now_ns += 20 * SECOND
    assert (bench.monitor.view().fps_in, bench.monitor.view().fps_inferred) == (0, 0)


def test_skips_add_up_by_reason_also_across_workers(bench: Bench) -> None:
    """A new worker counts from nothing again."""
    bench.monitor.on_skipped("overtaken", 2)
    bench.monitor.on_skipped("stale", 1)
    bench.monitor.on_heartbeat(1, CaptureCounters(overrun=3))
    bench.monitor.on_heartbeat(1, CaptureCounters(overrun=4))
    bench.monitor.on_heartbeat(2, CaptureCounters(overrun=1))
    assert bench.monitor.view().skipped == {"overtaken": 2, "stale": 1, "overrun": 5}


def test_latency_is_from_capture_to_the_outbox(bench: Bench) -> None:
    """50 ms on the way in, then what the node took."""
    arrived = meta(mono_ns=bench.now_ns)
    for taken_ms in range(1, 101):
        bench.monitor.on_published(arrived, [], bench.now_ns + taken_ms * 1_000_000)
    assert bench.monitor.view().latency_ms == (100.5, 150.0)
