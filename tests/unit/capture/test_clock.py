"""Capture time is the camera's when it is plausible, and says so when it is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vision.capture.clock import CaptureClock, wall_clock_ns
from vision.domain.frame import ClockSource

NOW = 1_763_898_000_000_000_000
SECOND = 1_000_000_000


def test_without_a_report_it_is_arrival() -> None:
    """There is nothing else to go by, and no offset to tell."""
    stamp = CaptureClock(10).stamp(None, NOW, 0)
    assert (stamp.captured_ns, stamp.clock, stamp.offset_ms) == (NOW, ClockSource.ARRIVAL, None)


def test_a_plausible_camera_clock_is_believed_from_the_second_packet_on() -> None:
    """The first packet under a report carries the time of the picture before it."""
    clock = CaptureClock(10)
    assert clock.stamp(NOW - SECOND // 10, NOW, 0).clock is ClockSource.ARRIVAL
    stamp = clock.stamp(NOW, NOW + SECOND // 20, SECOND // 20)
    assert (stamp.captured_ns, stamp.clock, stamp.offset_ms) == (NOW, ClockSource.RTCP, 50.0)


@pytest.mark.parametrize("hours", [-1, 1, 24 * 365])
def test_a_clock_hours_off_is_reported_but_not_believed(hours: int) -> None:
    """The offset tells the operator; the frame carries arrival time."""
    clock = CaptureClock(10)
    for tick in range(3):
        stamp = clock.stamp(NOW + hours * 3600 * SECOND + tick, NOW + tick, tick)
    assert stamp.clock is ClockSource.ARRIVAL
    assert stamp.captured_ns == NOW + 2
    assert stamp.offset_ms == -hours * 3_600_000


def steps(
    count: int, fps: float, camera_s: Callable[[float], float], late_s: Callable[[float], float]
) -> list[tuple[float, float]]:
    """When, in seconds, steps of which size are told of a camera of ``fps``.

    Its clock shows ``camera_s(t)`` at ``t``, and its packets arrive ``late_s(t)`` later.
    """
    clock, told = CaptureClock(10), []
    for number in range(count):
        at_s = number / fps
        received_ns = round((at_s + late_s(at_s)) * 1e9)
        stamp = clock.stamp(NOW + round(camera_s(at_s) * 1e9), NOW + received_ns, received_ns)
        if stamp.step_ms:
            told.append((received_ns / 1e9, stamp.step_ms / 1000))
    return told


def in_time(_: float) -> float:
    """Packets that take 50 ms."""
    return 0.05


@pytest.mark.parametrize("fps", [0.2, 1, 10, 60])
@pytest.mark.parametrize("step_s", [-10, -1.5, 5, 3600])
def test_a_step_of_the_camera_clock_is_told_once_with_its_size(fps: float, step_s: float) -> None:
    """And soon: within three seconds, or three pictures of a slow camera."""
    told = steps(round(fps * 300), fps, lambda t: t + (step_s if t >= 100 else 0), in_time)
    assert [size for _, size in told] == [pytest.approx(step_s, abs=0.01)]
    assert 100 < told[0][0] <= 100 + max(3, 3.2 / fps)


@pytest.mark.parametrize("stall_s", [0.5, 3, 20])
def test_packets_that_come_late_are_no_step(stall_s: float) -> None:
    """A connection that hangs delivers all at once afterwards; the clock was right."""
    told = steps(1000, 10, lambda t: t, lambda t: max(0.05, 30 + stall_s - t) if t >= 30 else 0.05)
    assert told == []


def test_a_clock_that_drifts_is_no_step() -> None:
    """A tenth of a second in each second is bad, and followed."""
    assert steps(3000, 10, lambda t: t * 1.1, in_time) == []


def test_a_clock_that_is_put_right_at_each_report_is_told_of_once_a_minute() -> None:
    """A stream whose timestamps run fast jumps back each five seconds: one piece of news."""
    told = steps(3000, 10, lambda t: t + (t % 5) * 0.4, in_time)
    assert len(told) <= 5


def test_pictures_out_of_order_are_no_step() -> None:
    """B-frames of a slow stream carry times seconds apart, back and forth."""
    told = steps(3000, 1, lambda t: t + 1.5 * (round(t) % 3 - 1), in_time)
    assert told == []


def test_a_step_of_our_own_clock_is_not_the_cameras() -> None:
    """Arrival times jump, the monotonic clock does not."""
    clock = CaptureClock(10)
    found = [
        clock.stamp(NOW + t * SECOND, NOW + (t + 60 * (t > 20)) * SECOND, t * SECOND).step_ms
        for t in range(60)
    ]
    assert set(found) == {0}


_NTP_EPOCH_NS = -2_208_988_800 * SECOND
_YEAR_NS = 365 * 86_400 * SECOND


@pytest.mark.parametrize(
    "reported_ns",
    [
        pytest.param(_NTP_EPOCH_NS, id="zero"),
        pytest.param(_NTP_EPOCH_NS + 40 * SECOND, id="zero-and-a-while"),
        pytest.param(_NTP_EPOCH_NS + 3 * _YEAR_NS, id="time-since-the-start"),
        pytest.param(_NTP_EPOCH_NS + (1 << 31) * SECOND - 1, id="the-most-of-that"),
        pytest.param(-1, id="before-1970"),
        pytest.param(100 * SECOND, id="1970"),
        pytest.param(946_684_800 * SECOND, id="2000"),
        pytest.param(NOW + 44 * _YEAR_NS, id="2070"),
    ],
)
def test_what_is_no_time_of_day_is_no_clock(reported_ns: int) -> None:
    """RFC 3550, section 6.4.1: zero, or the time since the sender began; or never set."""
    assert wall_clock_ns(reported_ns, NOW) is None


@pytest.mark.parametrize("off_ns", [0, -3 * SECOND, 10 * _YEAR_NS, -10 * _YEAR_NS])
def test_a_clock_that_is_set_is_one_however_wrong(off_ns: int) -> None:
    """The operator is told of it."""
    assert wall_clock_ns(NOW + off_ns, NOW) == NOW + off_ns


def test_seconds_of_ntp_begin_anew_in_2036() -> None:
    """FFmpeg takes those after it for those of 1900."""
    in_2040 = 2_208_988_800 * SECOND
    reported_ns = in_2040 - (1 << 32) * SECOND
    assert wall_clock_ns(reported_ns, in_2040 + SECOND) == in_2040
    assert wall_clock_ns(_NTP_EPOCH_NS, in_2040) is None
