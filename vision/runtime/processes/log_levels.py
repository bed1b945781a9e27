"""How a role logs can be changed while it runs: the settings are read anew at a signal."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol, runtime_checkable

from vision.config import load_settings
from vision.config.core import LogSettings
from vision.domain.errors import ConfigError
from vision.telemetry.logs import set_levels

_log = logging.getLogger(__name__)


@runtime_checkable
class HasWorkers(Protocol):
    """A role with processes of its own."""

    def apply_log_settings(self, logs: LogSettings) -> None:
        """Have them log in this way."""


class LogLevels:
    """The levels of a role; ``logs.format`` stays as it was at the start."""

    def __init__(self, config: Path | None, logs: LogSettings) -> None:
        """Begin with ``logs``, read from ``config``."""
        self._config = config
        self._role: object = None
        set_levels(logs.level, logs.areas.items())

    def attach_workers(self, role: object) -> None:
        """Pass changes on to the workers of ``role``, if it has some."""
        self._role = role

    def reload(self) -> None:
        """Take over ``logs.level`` and ``logs.areas`` as the settings have them now."""
        try:
            logs = load_settings(self._config).logs
        except ConfigError as error:
            _log.error('logs.levels_kept reason="%s"', error)
            return
        # Whoever asked wants to see that it was heard, and the new level may hide it.
        was_shown = _confirm(logs)
        set_levels(logs.level, logs.areas.items())
        if isinstance(self._role, HasWorkers):
            self._role.apply_log_settings(logs)
        if not was_shown:
            _confirm(logs)


def _confirm(logs: LogSettings) -> bool:
    areas = ",".join(f"{area}:{level}" for area, level in logs.areas.items())
    _log.warning("logs.levels_set level=%s areas=%s", logs.level, areas or "none")
    return _log.isEnabledFor(logging.WARNING)
