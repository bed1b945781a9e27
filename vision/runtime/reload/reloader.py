"""Reads the settings again when they change, and has the role follow what it can."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from vision.config.loader import cameras_folder, load_settings, settings_path
from vision.config.settings import Settings
from vision.config.watch import SettingsWatch
from vision.domain.errors import VisionError
from vision.runtime.health.liveness import ReloadNote
from vision.runtime.reload.changes import changed_settings, needs_restart
from vision.runtime.reload.plan import DesiredCamera, desired_cameras, next_switch

_log = logging.getLogger(__name__)
# A clock that is set shows within this time that a switch is due.
_LONGEST_WAIT_S = 20.0


class FollowsSettings(Protocol):
    """A role that changes while it runs."""

    def check_settings(self, settings: Settings) -> None:
        """Raise what is wrong with ``settings`` before anything follows them.

        Raises:
            VisionError: A secret file is missing, a label is unknown.
        """

    def apply_settings(self, settings: Settings, cameras: dict[str, DesiredCamera]) -> None:
        """Follow ``settings`` as far as possible, and the cameras as they are wanted now."""


class Reloader:
    """Keeps a role in step with its settings; :meth:`run` is for a thread of its own.

    A change is taken over as a whole or not at all.
    """

    def __init__(
        self,
        config: Path | None,
        settings: Settings,
        utc: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin with ``settings``, read from ``config``."""
        self._config = settings_path(config)
        self._at_start = self._settings = settings
        self._utc = utc
        self._requested = threading.Event()
        self._watch = SettingsWatch(
            self._config, cameras_folder(self._config, settings.cameras_dir)
        )
        # Nothing yet: a switch may have been due while the role was made.
        self._followed: dict[str, DesiredCamera] = {}
        self.result = ReloadNote(utc().timestamp())
        self.successful_at_s = self.result.at_s

    def cameras(self) -> dict[str, DesiredCamera]:
        """The cameras as they are wanted at this moment."""
        return desired_cameras(self._settings, self._utc())

    def request(self) -> None:
        """Have :meth:`run` read the settings now; from any thread."""
        self._requested.set()

    def run(self, stop: threading.Event, role: FollowsSettings) -> None:
        """Follow changes of the files, requests and schedules until ``stop`` is set."""
        watching = threading.Thread(
            target=self._watch.run, args=(stop, self.request), name="settings-watch", daemon=True
        )
        watching.start()
        while not stop.is_set():
            is_requested = self._requested.wait(self._wait_s())
            if stop.is_set():
                break
            if is_requested:
                self._requested.clear()
                self.reload(role)
            elif self.cameras() != self._followed:
                # A switch was due.
                self._apply(role)

    def wake(self) -> None:
        """Let :meth:`run` see that it is to stop."""
        self._requested.set()

    def reload(self, role: FollowsSettings) -> ReloadNote:
        """Read the settings and have ``role`` follow them; one thread at a time."""
        began_s = time.monotonic()
        try:
            settings = load_settings(self._config)
            role.check_settings(settings)
        except VisionError as error:
            self.result = ReloadNote(self._utc().timestamp(), str(error))
            _log.error('config.reload_refused reason="%s"', error)
            return self.result
        changed = changed_settings(settings, self._settings)
        self._settings = settings
        if problem := self._apply(role):
            self.result = ReloadNote(self._utc().timestamp(), problem)
            return self.result
        lasting = needs_restart(changed_settings(settings, self._at_start))
        self.result = ReloadNote(self._utc().timestamp(), needs_restart=lasting)
        self.successful_at_s = self.result.at_s
        _log.info(
            "config.reloaded changed=%s needs_restart=%s seconds=%.2f",
            ",".join(changed) or "none",
            ",".join(lasting) or "none",
            time.monotonic() - began_s,
        )
        return self.result

    def _apply(self, role: FollowsSettings) -> str:
        """Have ``role`` follow the settings; returns what went wrong, empty if nothing did."""
        cameras = self.cameras()
        try:
            role.apply_settings(self._settings, cameras)
        except Exception as error:  # noqa: BLE001  the cameras that run go on
            _log.exception("config.not_applied")
            return f"the settings could not be followed ({type(error).__name__}): see the log"
        self._followed = cameras
        return ""

    def _wait_s(self) -> float:
        due = next_switch(self.cameras())
        if due is None:
            return _LONGEST_WAIT_S
        return min(_LONGEST_WAIT_S, max(0.05, (due - self._utc()).total_seconds()))
