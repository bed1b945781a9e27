"""What the commands of long-running roles share: settings, logs and signals."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from vision.config import Settings, load_settings
from vision.runtime.processes.descriptors import raise_limit
from vision.runtime.processes.error_reports import start_error_reports
from vision.runtime.processes.lifecycle import stop_on_signals
from vision.runtime.processes.log_levels import LogLevels
from vision.runtime.reload.reloader import Reloader
from vision.telemetry.logs import configure_logs
from vision.telemetry.redacted_stream import redacted_output


class Role(Protocol):
    """Something that works until it is told to stop."""

    def follow_settings(self, reloader: Reloader) -> None:
        """Follow changes of the settings while it runs."""

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, then drain and return."""


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the settings file."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings (vision.yaml of this folder)"
    )


def run_role(name: str, config: Path | None, make: Callable[[Settings], Role]) -> int:
    """Run the role ``name`` that ``make`` builds until a signal ends it.

    ``make`` imports what it needs: engines load slowly, and mistakes in the settings are to
    be told before.
    """
    settings = load_settings(config)
    configure_logs(settings.logs.level, settings.logs.format, sys.stdout)
    levels = LogLevels(config, settings.logs)
    start_error_reports(settings.secrets_dir, name)
    raise_limit()
    stop = threading.Event()
    # Before the role, which takes seconds: what changes meanwhile is followed once it runs.
    reloader = Reloader(config, settings)

    def reload() -> None:
        levels.reload()
        reloader.request()

    with redacted_output("stdout", "stderr"), stop_on_signals(stop, reload):
        role = make(settings)
        levels.attach_workers(role)
        role.follow_settings(reloader)
        role.run(stop)
    return 0
