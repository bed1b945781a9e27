"""The monitor knows a camera's state, rates and skips, and tells of changes once."""

from __future__ import annotations

import dataclasses

import pytest

from tests.support.frames import meta
from vision.capture.counters import CaptureCounters
from vision.domain.status import CameraState, CameraStatus
from vision.runtime.cameras.monitor import CameraMonitor
from vision.runtime.ingest.protocol import Heartbeat, WorkerVitals

SECOND = 1_000_000_000


def heartbeat(counters: CaptureCounters, at_ns: int, stood_s: float = 0.0) -> Heartbeat:
    """One of a worker that is well."""
    return Heartbeat(counters, WorkerVitals(), at_ns, stood_s, is_hanging=False)


class Harness:
    """A monitor on clocks that stand still until they are moved."""

    def __init__(self) -> None:
        self.now_ns = 1000 * SECOND
        self.told: list[CameraStatus] = []
        self.counters = CaptureCounters()
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

    def play(self, fps: float, seconds: int) -> int:
        """Be online, a picture at each interval and a beat each quarter of a second.

        Returns when the newest picture came.
        """
        if self.monitor.state is not CameraState.ONLINE:
            self.monitor.on_state(1, CameraState.ONLINE, "frames arrive")
        before, start_ns = self.counters, self.now_ns
        for _ in range(4 * seconds):
            self.now_ns += SECOND // 4
            count = int((self.now_ns - start_ns) / SECOND * fps)
            if count:
                newest_ns = start_ns + round(count / fps * SECOND)
                self.counters = CaptureCounters(
                    packets=count,
                    newest_packet_mono_ns=newest_ns,
                    decoded=before.decoded + count,
                    newest_mono_ns=newest_ns,
                )
            self.beat(self.counters)
            self.monitor.check_stall()
        return self.counters.newest_mono_ns

    def quiet(self, until_ns: int) -> None:
        """Beat without pictures."""
        while self.now_ns < until_ns:
            self.now_ns = min(self.now_ns + SECOND // 4, until_ns)
            self.beat(self.counters)

    def beat(self, counters: CaptureCounters) -> None:
        """One heartbeat of run 1."""
        self.monitor.on_heartbeat(1, heartbeat(counters, self.now_ns))


@pytest.fixture
def bench() -> Harness:
    """A monitor at the start."""
    return Harness()


def test_a_state_is_told_once_and_again_with_a_new_retry(bench: Harness) -> None:
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


def test_since_is_when_the_state_began(bench: Harness) -> None:
    """Not when it was told last."""
    bench.monitor.on_state(1, CameraState.RECONNECTING, "refused", 5)
    began_ns = bench.now_ns
    bench.now_ns += 60 * SECOND
    bench.monitor.on_state(1, CameraState.RECONNECTING, "no answer", 9)
    assert bench.told[-1].since_ns == began_ns
    assert bench.told[-1].at_ns == bench.now_ns


@pytest.mark.parametrize(
    ("fps", "limit_s"), [(60, 1), (25, 1), (10, 1), (2, 5), (1, 10), (0.2, 15), (0.05, 60)]
)
def test_a_stall_is_judged_by_the_cameras_own_rate(
    bench: Harness, fps: float, limit_s: float
) -> None:
    """Ten of its intervals between one second and ten, and never less than three of them."""
    newest_ns, told = bench.play(fps, 200), len(bench.told)
    bench.quiet(newest_ns + round((limit_s - 0.1) * SECOND))
    assert len(bench.told) == told
    bench.quiet(newest_ns + round((limit_s + 0.6) * SECOND))
    assert bench.state() is CameraState.STALLED


@pytest.mark.parametrize("fps", [0.2, 1, 5, 60])
def test_a_steady_camera_never_flaps(bench: Harness, fps: float) -> None:
    """Online is told once, however rarely a picture comes."""
    bench.play(fps, 600)
    assert [status.state for status in bench.told] == [CameraState.ONLINE]


def test_a_decoder_that_sleeps_is_no_stall_and_its_rate_is_known(bench: Harness) -> None:
    """Two pictures a second arrive, and one in two seconds is decoded: five seconds are too long."""
    bench.play(2, 20)
    for _ in range(60):
        before = bench.counters
        bench.now_ns += 2 * SECOND
        bench.counters = dataclasses.replace(
            before, decoded=before.decoded + 1, slept=before.slept + 3, newest_mono_ns=bench.now_ns
        )
        bench.beat(bench.counters)
    assert [status.state for status in bench.told] == [CameraState.ONLINE]
    assert bench.monitor.view().fps_in == pytest.approx(0.5, abs=0.1)
    bench.quiet(bench.now_ns + round(4.9 * SECOND))
    assert bench.monitor.state is CameraState.ONLINE
    bench.quiet(bench.now_ns + SECOND)
    assert bench.state() is CameraState.STALLED


def test_a_burst_after_a_stall_does_not_change_what_is_usual(bench: Harness) -> None:
    """A slow camera that catches up is no fast one afterwards."""
    bench.play(0.5, 60)
    burst = dataclasses.replace(
        bench.counters, decoded=bench.counters.decoded + 20, newest_mono_ns=bench.now_ns + 1000
    )
    bench.counters = burst
    told = len(bench.told)
    bench.play(0.5, 60)
    assert len(bench.told) == told


def test_a_stall_is_found_by_the_worker_that_says_nothing(bench: Harness) -> None:
    """A worker that is stopped sends no heartbeat either: then the clock decides."""
    bench.play(10, 5)
    for _ in range(4):
        bench.now_ns += SECOND // 2
        bench.monitor.check_stall()
    assert bench.state() is CameraState.STALLED


def test_packets_without_pictures_are_a_decode_error_and_end_as_one(bench: Harness) -> None:
    """Told after the time a stall takes; a picture ends it."""
    bench.play(10, 5)
    for number in range(1, 13):
        bench.now_ns += SECOND // 4
        bench.counters = dataclasses.replace(
            bench.counters,
            packets=bench.counters.packets + 3,
            newest_packet_mono_ns=bench.now_ns,
            undecoded=number * 3,
            undecoded_since_mono_ns=bench.now_ns - number * SECOND // 4,
        )
        bench.beat(bench.counters)
    assert bench.state() is CameraState.DECODE_ERROR
    bench.counters = dataclasses.replace(
        bench.counters, undecoded=0, decoded=51, newest_mono_ns=bench.now_ns
    )
    bench.beat(bench.counters)
    assert bench.state() is CameraState.ONLINE
    assert bench.told[-1].reason == "frames arrive again"


@pytest.mark.parametrize(("waited_s", "told"), [(4, []), (6, [CameraState.DECODE_ERROR])])
def test_a_stream_joined_in_its_middle_may_take_a_while(
    bench: Harness, waited_s: int, told: list[CameraState]
) -> None:
    """Until the next key frame nothing decodes; after five seconds that is worth a word."""
    bench.monitor.on_state(1, CameraState.STARTING, "the ingest worker starts")
    bench.now_ns += waited_s * SECOND
    bench.beat(
        CaptureCounters(
            packets=100,
            newest_packet_mono_ns=bench.now_ns,
            undecoded=100,
            undecoded_since_mono_ns=bench.now_ns - waited_s * SECOND,
        )
    )
    assert [status.state for status in bench.told[1:]] == told


def test_a_stall_stays_one_until_a_frame_arrives(bench: Harness) -> None:
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


def test_a_camera_that_is_not_connected_does_not_stall(bench: Harness) -> None:
    """Its state already says more."""
    bench.online(10, 3)
    bench.monitor.on_state(1, CameraState.AUTH_FAILED, "401", 5)
    bench.now_ns += 60 * SECOND
    bench.monitor.check_stall()
    assert bench.monitor.state is CameraState.AUTH_FAILED


def test_rates_come_from_the_last_seconds(bench: Harness) -> None:
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


def test_skips_add_up_by_reason_also_across_workers(bench: Harness) -> None:
    """A new worker counts from nothing again."""
    bench.monitor.on_skipped("overtaken", 2)
    bench.monitor.on_skipped("stale", 1)
    bench.monitor.on_heartbeat(1, heartbeat(CaptureCounters(overrun=3), bench.now_ns))
    bench.monitor.on_heartbeat(1, heartbeat(CaptureCounters(overrun=4), bench.now_ns))
    bench.monitor.on_heartbeat(2, heartbeat(CaptureCounters(overrun=1), bench.now_ns))
    assert bench.monitor.view().skipped == {"overtaken": 2, "stale": 1, "overrun": 5}


def test_latency_is_from_capture_to_the_outbox(bench: Harness) -> None:
    """50 ms on the way in, then what the node took."""
    arrived = meta(mono_ns=bench.now_ns)
    for taken_ms in range(1, 101):
        bench.monitor.on_published(arrived, [], bench.now_ns + taken_ms * 1_000_000)
    assert bench.monitor.view().latency_ms == (100.5, 150.0)


def test_what_was_said_while_nobody_listened_is_judged_by_when_it_was_said(bench: Harness) -> None:
    """The node stood still, the worker and its camera did not: all it said is read at once."""
    newest_ns, told = bench.play(10, 20), len(bench.told)
    backlog = []
    for _ in range(80):
        newest_ns += SECOND // 4
        bench.counters = dataclasses.replace(
            bench.counters, decoded=bench.counters.decoded + 2, newest_mono_ns=newest_ns
        )
        backlog.append(heartbeat(bench.counters, newest_ns))
    bench.now_ns += 20 * SECOND
    for beat in backlog:
        bench.monitor.on_heartbeat(1, beat)
    bench.monitor.check_stall()
    assert len(bench.told) == told
    assert bench.monitor.view().fps_in == pytest.approx(8, abs=1)


def test_a_worker_that_stood_still_may_take_the_next_picture(bench: Harness) -> None:
    """It had none meanwhile; a camera that sends no more is told of a moment later."""
    bench.play(10, 20)
    told = len(bench.told)
    bench.now_ns += 20 * SECOND
    bench.monitor.on_heartbeat(1, heartbeat(bench.counters, bench.now_ns, stood_s=19.5))
    bench.monitor.check_stall()
    assert len(bench.told) == told
    bench.quiet(bench.now_ns + 2 * SECOND)
    assert bench.state() is CameraState.STALLED
