"""What the roles say of themselves, in words (see :mod:`vision.runtime.health.liveness`)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from vision.config.core import PublishingSettings
from vision.config.run_dir import run_dir
from vision.config.settings import Settings
from vision.domain.errors import ConfigError
from vision.resilience.suspension import SuspensionAwareClock
from vision.runtime.health.liveness import Liveness, LivenessFile
from vision.telemetry.camera_view import CameraView

_log = logging.getLogger(__name__)
# An idle worker looks around twice a second, a busy one with every answer of the engine.
_STILL_S = 5.0
_WATCHDOG_S = 0.5
# A turn later than that was held up with the whole process. What was to be read by then is read
# within three turns, whatever else wants the processor.
_LATE_S, _SPARED_TURNS = 1.0, 3


def liveness_file(settings: Settings, role: str) -> LivenessFile | None:
    """The file of ``role``; None where no folder is named and none can be used.

    Raises:
        ConfigError: The folder that the settings name cannot be used.
    """
    try:
        return LivenessFile(run_dir(settings.run_dir), role)
    except ConfigError as error:
        if settings.run_dir is not None:
            raise
        # Whoever asks `vision healthcheck` then hears that nobody says anything.
        _log.warning("role.liveness_unwritten reason=%s", error)
        return None


def watch(
    stop: threading.Event,
    check: Callable[[], object],
    liveness: LivenessFile | None,
    read: Callable[[], Liveness],
    monotonic_s: Callable[[], float] = time.monotonic,
) -> None:
    """Check the role and tell of it, twice a second, until ``stop`` is set.

    Where the process stood still, all that came meanwhile is read first: nothing is checked,
    and what the role says of itself is put off until the next turn.
    """
    awake, spared = SuspensionAwareClock(_WATCHDOG_S + _LATE_S, monotonic_s), 0
    while not stop.wait(_WATCHDOG_S):
        stood_s = awake.tick()
        if stood_s:
            _log.warning("role.stood_still seconds=%.1f", stood_s)
            spared = _SPARED_TURNS
        if spared:
            spared -= 1
        else:
            check()
        if liveness and not stood_s:
            liveness.write(read)


def stalled_threads(name: str, last_heartbeat_ns: int) -> tuple[str, ...]:
    """A complaint when the part called ``name`` has not looked around for too long."""
    still_s = (time.monotonic_ns() - last_heartbeat_ns) / 1e9
    return (f"{name} has not moved for {still_s:.0f} s",) if still_s > _STILL_S else ()


def camera_reason(view: CameraView) -> str:
    """What a camera's state is, and why."""
    return f"{view.name} is {view.state}: {view.reason}"


def camera_reasons(views: Iterable[CameraView]) -> tuple[str, ...]:
    """The cameras that nothing is seen through, but for those that are switched off."""
    return tuple(
        camera_reason(view) for view in views if not view.state.delivers and not view.state.is_off
    )


def camera_facts(views: Iterable[CameraView]) -> tuple[str, ...]:
    """How fresh the pictures of the others are."""
    return tuple(
        f"{view.name} is {view.state}, newest frame {view.frame_age_s:.1f} s old"
        for view in views
        if view.state.delivers and view.frame_age_s is not None
    )


def redis_reason(address: str, problem: str | None, waiting: int | None = None) -> str:
    """That Redis is away, why if that is known, and how many messages wait for it."""
    why = f" ({problem})" if problem else ""
    waits = "" if waiting is None else f"; {waiting} messages wait for Redis"
    return f"redis at {address} does not answer{why}{waits}"


class RedisReader(Protocol):
    """Whoever reads from Redis, over a connection of its own."""

    @property
    def connected(self) -> bool:
        """Whether it reads."""

    @property
    def problem(self) -> str | None:
        """Why not, in words."""


def reader_reasons(readers: Mapping[str, RedisReader]) -> tuple[str, ...]:
    """What is not read at the moment, by what it is, and why."""
    return tuple(
        f"no {what} are read: {reader.problem or 'Redis has not answered yet'}"
        for what, reader in readers.items()
        if not reader.connected
    )


def outbox_reasons(waiting: int, publishing: PublishingSettings) -> tuple[str, ...]:
    """A complaint when messages wait that will soon be lost."""
    # The bound holds per camera: below it for all together, none has lost anything.
    if waiting < publishing.outbox_messages:
        return ()
    return (f"{waiting} messages wait for Redis",)


def spool_facts(problem: str | None) -> tuple[str, ...]:
    """A word on the messages that wait, when the disk does not keep them as it should."""
    return (f"messages wait in memory only: {problem}",) if problem else ()


def redis_fact(*, is_connected: bool) -> str:
    """Whether Redis answers."""
    return "Redis answers" if is_connected else "Redis is away"
