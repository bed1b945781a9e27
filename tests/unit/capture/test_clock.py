"""Capture time is the camera's when it is plausible, and says so when it is not."""

from __future__ import annotations

import pytest

from vision.capture.clock import CaptureClock
from vision.domain.frame import ClockSource

NOW = 1_763_898_000_000_000_000
SECOND = 1_000_000_000


def test_without_a_report_it_is_arrival() -> None:
    """There is nothing else to go by, and no offset to tell."""
    stamp = CaptureClock(10).stamp(None, NOW)
    assert (stamp.captured_ns, stamp.clock, stamp.offset_ms) == (NOW, ClockSource.ARRIVAL, None)


def test_a_plausible_camera_clock_is_believed_from_the_second_packet_on() -> None:
    """The first packet under a report carries the time of the picture before it."""
    clock = CaptureClock(10)
    assert clock.stamp(NOW - SECOND // 10, NOW).clock is ClockSource.ARRIVAL
    stamp = clock.stamp(NOW, NOW + SECOND // 20)
    assert (stamp.captured_ns, stamp.clock, stamp.offset_ms) == (NOW, ClockSource.RTCP, 50.0)


@pytest.mark.parametrize("hours", [-1, 1, 24 * 365])
def test_a_clock_hours_off_is_reported_but_not_believed(hours: int) -> None:
    """The offset tells the operator; the frame carries arrival time."""
    clock = CaptureClock(10)
    for tick in range(3):
        stamp = clock.stamp(NOW + hours * 3600 * SECOND + tick, NOW + tick)
    assert stamp.clock is ClockSource.ARRIVAL
    assert stamp.captured_ns == NOW + 2
    assert stamp.offset_ms == -hours * 3_600_000


def test_a_step_of_the_camera_clock_is_seen_once_with_its_size() -> None:
    """A clock put forward by 5 s jumps by +5 s, and is quiet afterwards."""
    clock = CaptureClock(10)
    steps = []
    for tick in range(6):
        put_forward = 5 * SECOND if tick >= 3 else 0
        steps.append(clock.stamp(NOW + tick * SECOND + put_forward, NOW + tick * SECOND).step_ms)
    assert steps == [0, 0, 0, 5000.0, 0, 0]


def test_network_jitter_is_no_step() -> None:
    """Half a second of delay is the network, not the clock."""
    clock = CaptureClock(10)
    clock.stamp(NOW, NOW)
    assert clock.stamp(NOW + SECOND, NOW + SECOND + SECOND // 2).step_ms == 0
