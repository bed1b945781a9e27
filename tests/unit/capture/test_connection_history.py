"""When a camera's answers are looked at before FFmpeg reads them."""

from __future__ import annotations

import pytest

from vision.capture.connection_history import ConnectionHistory


def test_a_camera_that_ends_two_sessions_before_the_first_keepalive_is_looked_at() -> None:
    """And for good once something was found."""
    habits = ConnectionHistory()
    habits.ended(2, by_camera=True)
    assert not habits.wants_relay
    habits.ended(29, by_camera=True)
    assert habits.wants_relay
    habits.relayed(was_misread=True)
    habits.ended(100, by_camera=True)
    assert habits.wants_relay


@pytest.mark.parametrize(("lasted_s", "by_camera"), [(0.1, True), (31.0, True), (5.0, False)])
def test_other_ends_say_nothing(lasted_s: float, *, by_camera: bool) -> None:
    """Nor do those before them any more."""
    habits = ConnectionHistory()
    for _ in range(5):
        habits.ended(2, by_camera=True)
        habits.ended(lasted_s, by_camera=by_camera)
        assert not habits.wants_relay


def test_a_look_that_finds_nothing_is_the_last_for_a_while() -> None:
    """FFmpeg talks to the camera itself again."""
    habits = ConnectionHistory()
    for _ in range(2):
        habits.ended(2, by_camera=True)
    habits.relayed(was_misread=False)
    assert not habits.wants_relay
