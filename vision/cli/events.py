"""``vision events``: visits of objects, from the detections on Redis."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from vision.cli.role import Role, add_config, run_role

if TYPE_CHECKING:
    from vision.cli.main import Subparsers
    from vision.config import Settings


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "events", help="tracks objects: when each came, where it went, when it left"
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Track until a signal ends it."""
    return run_role("events", args.config, _make)


def _make(settings: Settings) -> Role:
    from vision.runtime.roles.events import EventsRole  # noqa: PLC0415  see run_role

    return EventsRole(settings)
