"""``vision healthcheck``: whether the role of this machine or container does its work."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vision.config.run_dir import configured_run_dir, run_dir
from vision.domain.errors import ConfigError
from vision.runtime.health.liveness import LivenessReading, readings_in, verdict

if TYPE_CHECKING:
    from vision.cli.main import Subparsers

# A role writes once a second, and within one when it goes on after it stood still.
_SECOND_LOOK_S = 1.5


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "healthcheck", help="whether the role that runs here does its work"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings (vision.yaml of this folder)"
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="only what a restart would mend: a camera or Redis that is away is no failure",
    )
    parser.add_argument(
        "--taking-over",
        action="store_true",
        help="another process that publishes the same cameras is no failure: it is about to end",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one line; 0 if all is well, 1 if not, nothing else (Docker knows no other)."""
    try:
        directory = run_dir(configured_run_dir(args.config))
    except ConfigError as error:
        print(f"unhealthy: {error}")
        return 1
    verdicts = [
        verdict(found, live_only=args.live, is_taking_over=args.taking_over)
        for found in _found(directory)
    ]
    if not verdicts:
        print(f"unhealthy: no role says in {directory} that it runs")
        return 1
    is_healthy = all(is_well for is_well, _ in verdicts)
    lines = [line for is_well, line in verdicts if is_well is is_healthy]
    print(f"{'healthy' if is_healthy else 'unhealthy'}: {' | '.join(lines)}")
    return 0 if is_healthy else 1


def _found(directory: Path, wait: Callable[[float], object] = time.sleep) -> list[LivenessReading]:
    """What the roles said last; looked at twice where one has been silent.

    A container that was frozen froze this command with it: its roles are about to speak again.
    """
    found = [*readings_in(directory)]
    if any(one.is_silent for one in found):
        wait(_SECOND_LOOK_S)
        found = [*readings_in(directory)]
    return found
