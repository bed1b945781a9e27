"""``vision reload``: have the roles of this machine read their settings again."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vision.config.run_dir import configured_run_dir, run_dir
from vision.domain.errors import ConfigError, VisionError
from vision.runtime.health.liveness import LivenessReading, readings_in
from vision.runtime.processes.lifecycle import RELOAD

if TYPE_CHECKING:
    from vision.cli.main import Subparsers

# A role says what came of it within a second; one that compiles a model takes longer.
_LONGEST_WAIT_S, _LOOK_EVERY_S = 15.0, 0.1


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "reload", help="have the roles that run here read their settings again"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings (vision.yaml of this folder)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print a line for each role; 2 if the settings are wrong, 1 if a role did not answer.

    Raises:
        VisionError: No role runs here.
    """
    directory = run_dir(configured_run_dir(args.config))
    roles = [one for one in readings_in(directory) if one.liveness and not one.is_silent]
    if not roles:
        raise VisionError(f"no role says in {directory} that it runs: start one")
    asked = {one.path: _asked(one) for one in roles}
    codes = [_told(path, since_s, directory) for path, since_s in asked.items()]
    return max(codes)


def _asked(role: LivenessReading) -> float | None:
    """Ask a role; returns when its last reload was, None where it cannot be asked."""
    try:
        os.kill(role.pid, RELOAD)
    except OSError:
        return None
    return role.reload.at_s if role.reload else 0.0


def _told(
    path: Path, since_s: float | None, directory: Path, wait: Callable[[float], None] = time.sleep
) -> int:
    """Wait for what a role says of its reload, and print it."""
    name = path.stem
    if since_s is None:
        print(f"{name}: cannot be asked: it has ended, or belongs to another user")
        return 1
    give_up_s = time.monotonic() + _LONGEST_WAIT_S
    while time.monotonic() < give_up_s:
        for role in readings_in(directory):
            note = role.reload
            if role.path != path or note is None or note.at_s <= since_s:
                continue
            if note.problem:
                raise ConfigError(f"{note.problem}; {name} goes on with the settings before")
            lasting = ", ".join(note.needs_restart)
            print(f"{name}: reloaded" + (f"; needs a restart: {lasting}" if lasting else ""))
            return 0
        wait(_LOOK_EVERY_S)
    print(f"{name}: did not answer within {_LONGEST_WAIT_S:g} s: see its log")
    return 1
