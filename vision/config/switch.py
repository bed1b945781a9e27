"""Whether a camera is on: its switch, for how long that holds, and its weekly schedule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from vision.config.camera import CameraSettings
from vision.config.schedule import is_within, next_change, parse_window


@dataclass(frozen=True, slots=True)
class SwitchState:
    """Whether a camera is on at one instant.

    Attributes:
        is_on: Whether it is.
        reason: Why it is off, in words; empty while it is on.
        until: When that changes by itself, UTC; None where it does not.
    """

    is_on: bool
    reason: str = ""
    until: datetime | None = None


def switch_state(camera: CameraSettings, now: datetime, zone: tzinfo) -> SwitchState:
    """What holds for ``camera`` at ``now``.

    ``enabled`` holds until ``until``. After that, and while ``enabled`` is true and ``until`` is
    not set, the schedule decides; without a schedule the camera is on.

    Args:
        camera: Its settings.
        now: The time, with a time zone.
        zone: Time zone of the schedule.
    """
    until = camera.until
    if until is not None and now < until:
        change = _leaves_at(camera, until.astimezone(UTC), zone, is_on=camera.enabled)
        reason = "" if camera.enabled else _off("switched off", change, zone)
        return SwitchState(camera.enabled, reason, change)
    if not camera.enabled and until is None:
        return SwitchState(is_on=False, reason="switched off")
    return _by_schedule(camera, now, zone)


def _by_schedule(camera: CameraSettings, now: datetime, zone: tzinfo) -> SwitchState:
    if not camera.schedule:
        return SwitchState(is_on=True)
    windows = tuple(map(parse_window, camera.schedule))
    local = now.astimezone(zone)
    change = next_change(windows, local)
    until = None if change is None else change.astimezone(UTC)
    if is_within(windows, local):
        return SwitchState(is_on=True, until=until)
    return SwitchState(is_on=False, reason=_off("off by its schedule", until, zone), until=until)


def _leaves_at(
    camera: CameraSettings, until: datetime, zone: tzinfo, *, is_on: bool
) -> datetime | None:
    """When a camera that stays as it is until ``until`` changes, by its schedule after that."""
    then = _by_schedule(camera, until, zone)
    return then.until if then.is_on is is_on else until


def _off(why: str, until: datetime | None, zone: tzinfo) -> str:
    if until is None:
        return why
    return f"{why} until {until.astimezone(zone):%Y-%m-%d %H:%M}"
