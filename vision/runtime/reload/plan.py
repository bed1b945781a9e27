"""From the cameras that run to those that are wanted, in as few steps as possible; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from vision.config.camera import CameraSettings
from vision.config.settings import Settings
from vision.config.switch import SwitchState, switch_state
from vision.config.time_zone import time_zone

# A new connection is the only way to follow these; everything else changes while it lasts.
CONNECTION_KEYS = frozenset({"url", "transport", "tls", "auth", "open_timeout_s", "read_timeout_s"})
# What decides whether a camera is on; the outcome is in its switch state.
_SWITCH_KEYS = frozenset({"enabled", "until", "schedule"})


class Step(Enum):
    """What happens to a camera.

    Attributes:
        ADD: It is new: it starts, or is off from the beginning.
        REMOVE: It is gone.
        SWITCH_ON: It starts.
        SWITCH_OFF: It stops, and says that it is off; also for another reason than before.
        REPLACE: Its worker is replaced, to connect anew.
        RETUNE: Its worker goes on with other settings.
    """

    ADD = "add"
    REMOVE = "remove"
    SWITCH_ON = "switch_on"
    SWITCH_OFF = "switch_off"
    REPLACE = "replace"
    RETUNE = "retune"


@dataclass(frozen=True, slots=True)
class DesiredCamera:
    """A camera as it is wanted, or as it runs.

    Attributes:
        settings: Its settings.
        switch: Whether it is on.
    """

    settings: CameraSettings
    switch: SwitchState


@dataclass(frozen=True, slots=True)
class Action:
    """A step of a camera; ``camera`` is how it is wanted, None where it is removed."""

    step: Step
    name: str
    camera: DesiredCamera | None


Cameras: TypeAlias = Mapping[str, DesiredCamera]


def desired_cameras(settings: Settings, now: datetime) -> dict[str, DesiredCamera]:
    """All cameras of ``settings`` with their switches as they are at ``now``."""
    zone = time_zone(settings.timezone)
    return {
        name: DesiredCamera(camera, switch_state(camera, now, zone))
        for name, camera in settings.cameras.items()
    }


def switched_on(cameras: Cameras) -> dict[str, CameraSettings]:
    """The settings of those of ``cameras`` that are on."""
    return {name: camera.settings for name, camera in cameras.items() if camera.switch.is_on}


def plan(desired: Cameras, running: Cameras) -> list[Action]:
    """The steps from ``running`` to ``desired``; cameras that did not change have none.

    Cameras go before others come, so that what they held is free.
    """
    gone = [Action(Step.REMOVE, name, None) for name in running if name not in desired]
    changed = [
        Action(step, name, camera)
        for name, camera in desired.items()
        if (step := _step(camera, running.get(name))) is not None
    ]
    return gone + changed


def next_switch(desired: Cameras) -> datetime | None:
    """When the first of the cameras switches by itself, UTC; None if none does."""
    return min(
        (camera.switch.until for camera in desired.values() if camera.switch.until), default=None
    )


def _step(wanted: DesiredCamera, running: DesiredCamera | None) -> Step | None:
    if running is None:
        return Step.ADD
    if wanted.switch.is_on is not running.switch.is_on:
        return Step.SWITCH_ON if wanted.switch.is_on else Step.SWITCH_OFF
    if not wanted.switch.is_on:
        # Its reason names when it comes back; other settings are read when it does.
        if wanted.switch.reason != running.switch.reason:
            return Step.SWITCH_OFF
        return Step.RETUNE if wanted.settings != running.settings else None
    changed = changed_keys(wanted.settings, running.settings)
    if changed & CONNECTION_KEYS:
        return Step.REPLACE
    return Step.RETUNE if changed - _SWITCH_KEYS else None


def changed_keys(new: CameraSettings, old: CameraSettings) -> frozenset[str]:
    """The keys of a camera whose values differ."""
    return frozenset(
        key for key in CameraSettings.model_fields if getattr(new, key) != getattr(old, key)
    )
