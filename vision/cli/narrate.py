"""``vision narrate``: events in a sentence or two."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from vision.cli.role import Role, add_config, run_role

if TYPE_CHECKING:
    from vision.cli.main import Subparsers
    from vision.config import Settings


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser("narrate", help="events in a sentence or two, for people")
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Tell of events until a signal ends it."""
    return run_role("narrate", args.config, _make)


def _make(settings: Settings) -> Role:
    from vision.runtime.roles.narrate import NarrateRole  # noqa: PLC0415  see run_role

    return NarrateRole(settings)
