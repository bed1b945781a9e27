"""Whether a camera is on: its switch, for how long that holds, and its weekly schedule."""

from __future__ import annotations

from collections.abc import Mapping
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
    holds = until is not None and now < until
    if holds and until is not None:
        if camera.enabled:
            return SwitchState(is_on=True, until=_when_off_after(camera, until, zone))
        back = _when_on_from(camera, until, zone)
        return SwitchState(is_on=False, reason=_off("switched off", back, zone), until=back)
    if not camera.enabled and until is None:
        return SwitchState(is_on=False, reason="switched off")
    if not camera.schedule:
        return SwitchState(is_on=True)
    return _by_schedule(camera, now, zone)


def cameras_that_are_on(
    cameras: Mapping[str, CameraSettings], zone: tzinfo, now: datetime | None = None
) -> dict[str, CameraSettings]:
    """Those of ``cameras`` that are on at ``now``; None takes this moment."""
    moment = now or datetime.now(UTC)
    return {
        name: camera for name, camera in cameras.items() if switch_state(camera, moment, zone).is_on
    }


def _by_schedule(camera: CameraSettings, now: datetime, zone: tzinfo) -> SwitchState:
    windows = tuple(map(parse_window, camera.schedule))
    local = now.astimezone(zone)
    change = next_change(windows, local)
    until = None if change is None else change.astimezone(UTC)
    if is_within(windows, local):
        return SwitchState(is_on=True, until=until)
    return SwitchState(is_on=False, reason=_off("off by its schedule", until, zone), until=until)


def _when_on_from(camera: CameraSettings, until: datetime, zone: tzinfo) -> datetime | None:
    """When a camera that is off until ``until`` is on again."""
    until = until.astimezone(UTC)
    if not camera.schedule:
        return until
    then = _by_schedule(camera, until, zone)
    return until if then.is_on else then.until


def _when_off_after(camera: CameraSettings, until: datetime, zone: tzinfo) -> datetime | None:
    """When a camera that is on until ``until`` is off."""
    until = until.astimezone(UTC)
    if not camera.schedule:
        return None
    then = _by_schedule(camera, until, zone)
    return then.until if then.is_on else until


def _off(why: str, until: datetime | None, zone: tzinfo) -> str:
    if until is None:
        return why
    return f"{why} until {until.astimezone(zone):%Y-%m-%d %H:%M}"
