"""Whatever a camera says of its clock, a capture time is one that can be true."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from vision.capture.clock import CaptureClock
from vision.domain.frame import ClockSource
from vision.domain.message import utc_text

_NOW = 1_763_898_000_000_000_000
_SECOND = 1_000_000_000
_WINDOW_S = 10
# As FFmpeg passes it on: signed 64 bits of microseconds.
_ANY = st.integers(-(1 << 63), (1 << 63) - 1).map(lambda microseconds: microseconds * 1000)
_HOURS_OFF = st.integers(-100, 100).map(lambda hours: _NOW + hours * 3600 * _SECOND)
_RIGHT = st.integers(-_SECOND, _SECOND).map(lambda off: _NOW + off)


@given(st.lists(st.none() | _ANY | _HOURS_OFF | _RIGHT, min_size=1, max_size=60))
@example([0] * 10)
@example([-1000, 0, 1000, _NOW])
@example([-(1 << 63) * 1000, ((1 << 63) - 1) * 1000] * 5)
def test_no_time_is_outside_of_the_window(camera_ns: list[int | None]) -> None:
    """It is the camera's within the window, else arrival's, and it can be written down."""
    clock = CaptureClock(_WINDOW_S)
    for tick, told_ns in enumerate(camera_ns):
        received_ns = _NOW + tick * _SECOND // 5
        stamp = clock.stamp(told_ns, received_ns, received_ns)
        assert abs(stamp.captured_ns - received_ns) <= _WINDOW_S * _SECOND
        assert stamp.captured_ns in {told_ns, received_ns}
        assert (stamp.offset_ms is None) == (told_ns is None)
        if told_ns is None:
            assert stamp.clock is ClockSource.ARRIVAL
        utc_text(stamp.captured_ns)


@given(_ANY)
def test_one_stray_time_is_no_step(stray_ns: int) -> None:
    """A frame stamped wrongly among right ones is neither believed nor told of."""
    clock, steps = CaptureClock(_WINDOW_S), []
    for tick in range(100):
        received_ns = _NOW + tick * _SECOND // 5
        stamp = clock.stamp(stray_ns if tick == 50 else received_ns, received_ns, received_ns)
        steps.append(stamp.step_ms)
    assert set(steps) == {0.0}
