"""Weekly schedules and switches of cameras."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.config.camera import CameraSettings
from vision.config.schedule import DAYS, is_within, next_change, parse_window
from vision.config.switch import switch_state

BERLIN = ZoneInfo("Europe/Berlin")
# A Monday.
MONDAY = datetime(2026, 6, 1, tzinfo=BERLIN)


def camera(**settings: object) -> CameraSettings:
    """A camera with these settings."""
    return CameraSettings.model_validate({"url": "rtsp://camera/", **settings})


@pytest.mark.parametrize(
    ("window", "local", "is_on"),
    [
        ("mon-fri 22:00-06:00", MONDAY.replace(hour=22), True),
        ("mon-fri 22:00-06:00", MONDAY.replace(hour=21, minute=59), False),
        ("mon-fri 22:00-06:00", MONDAY + timedelta(days=1, hours=5, minutes=59), True),
        ("mon-fri 22:00-06:00", MONDAY.replace(hour=5), False),
        ("fri 22:00-06:00", MONDAY + timedelta(days=5, hours=5), True),
        ("sat,sun 00:00-24:00", MONDAY + timedelta(days=6, hours=23, minutes=59), True),
        ("sat,sun 00:00-24:00", MONDAY + timedelta(days=7), False),
        ("sat-mon 08:00-09:00", MONDAY.replace(hour=8), True),
        ("08:00-09:00", MONDAY.replace(hour=8, minute=30), True),
    ],
)
def test_a_window_holds_in_its_hours_only(window: str, local: datetime, is_on: bool) -> None:  # noqa: FBT001  a parameter
    assert is_within((parse_window(window),), local) is is_on


@pytest.mark.parametrize(
    "text",
    ["", "mon", "mon 8:00-9:00", "mon 08:00-25:00", "mon 08:60-09:00", "foo 08:00-09:00",
     "mon 08:00-08:00", "mon 24:00-06:00", "mon-foo 08:00-09:00"],
)  # fmt: skip
def test_what_is_no_window_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it as|no time of day|no day|is empty"):
        parse_window(text)


windows = st.builds(
    lambda day, begin, end: f"{day} {begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}",
    st.sampled_from(DAYS),
    st.integers(0, 1439),
    st.integers(0, 1440),
).filter(lambda text: text[4:9] != text[10:15])


@given(st.lists(windows, min_size=1, max_size=3), st.integers(0, 7 * 24 * 60 - 1))
def test_the_next_change_is_the_first_minute_that_differs(texts: list[str], minute: int) -> None:
    parsed = tuple(map(parse_window, texts))
    local = MONDAY.astimezone(UTC) + timedelta(minutes=minute)
    now = is_within(parsed, local)
    change = next_change(parsed, local)
    step = timedelta(minutes=1)
    if change is None:
        assert all(is_within(parsed, local + step * ahead) is now for ahead in range(0, 10080, 7))
        return
    assert is_within(parsed, change) is not now
    assert is_within(parsed, change - step) is now or change - local < step


@pytest.mark.parametrize(
    ("settings", "is_on", "reason"),
    [
        ({}, True, ""),
        ({"enabled": False}, False, "switched off"),
        ({"enabled": False, "until": "2026-06-01T13:00:00+02:00"}, False,
         "switched off until 2026-06-01 13:00"),
        ({"enabled": False, "until": "2026-06-01T11:00:00+02:00"}, True, ""),
        ({"schedule": ["mon 08:00-09:00"]}, False,
         "off by its schedule until 2026-06-08 08:00"),
        ({"schedule": ["mon 08:00-18:00"]}, True, ""),
        ({"schedule": ["mon 08:00-09:00"], "until": "2026-06-01T13:00:00+02:00"}, True, ""),
        ({"enabled": False, "schedule": ["mon 08:00-18:00"]}, False, "switched off"),
        ({"enabled": False, "schedule": ["mon 20:00-21:00"],
          "until": "2026-06-01T13:00:00+02:00"}, False, "switched off until 2026-06-01 20:00"),
    ],
)  # fmt: skip
def test_the_switch_holds_until_its_time_and_then_the_schedule(
    settings: dict[str, object],
    is_on: bool,  # noqa: FBT001  a parameter
    reason: str,
) -> None:
    state = switch_state(camera(**settings), MONDAY.replace(hour=12), BERLIN)
    assert (state.is_on, state.reason) == (is_on, reason)


def test_a_camera_says_when_it_switches_by_itself() -> None:
    noon = MONDAY.replace(hour=12)
    state = switch_state(camera(schedule=["mon 08:00-18:00"]), noon, BERLIN)
    assert state.until == MONDAY.replace(hour=18)
    assert switch_state(camera(enabled=False), noon, BERLIN).until is None
