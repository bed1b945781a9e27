"""The state of a camera, as an operator wants to know it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CameraState(StrEnum):
    """Whether a camera can be seen through, and if not, why."""

    STARTING = "starting"
    ONLINE = "online"
    STALLED = "stalled"
    RECONNECTING = "reconnecting"
    AUTH_FAILED = "auth_failed"
    NOT_FOUND = "not_found"
    DECODE_ERROR = "decode_error"
    FROZEN = "frozen"
    CLOCK_STEP = "clock_step"
    STOPPED = "stopped"
    DISABLED = "disabled"
    REMOVED = "removed"

    @property
    def delivers(self) -> bool:
        """Whether frames are inferred; ``frozen`` is a warning, ``clock_step`` an event."""
        return self in {CameraState.ONLINE, CameraState.FROZEN, CameraState.CLOCK_STEP}

    @property
    def is_off(self) -> bool:
        """Whether somebody wants it so: it delivers nothing, and nothing is wrong."""
        return self in {CameraState.DISABLED, CameraState.REMOVED}

    @property
    def is_final(self) -> bool:
        """Whether no worker of its run follows: another run begins anew."""
        return self.is_off or self is CameraState.STOPPED


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One camera's state at one instant.

    Attributes:
        camera: Name from the configuration.
        run: Start of the ingest worker, UTC milliseconds.
        state: What holds now.
        reason: Why, in words without any credential.
        since_ns: UTC nanoseconds since when ``state`` holds.
        at_ns: UTC nanoseconds when this was said.
        retry_at_ns: UTC nanoseconds of the next attempt, None when none is planned.
    """

    camera: str
    run: int
    state: CameraState
    reason: str
    since_ns: int
    at_ns: int
    retry_at_ns: int | None = None
