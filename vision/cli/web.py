"""``vision web``: the live page of the distributed form."""

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
        "web", help="the live page of all cameras on Redis, for `vision ingest` and `vision infer`"
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve the page until a signal ends it."""
    return run_role("web", args.config, _make)


def _make(settings: Settings) -> Role:
    from vision.runtime.roles.web import WebRole  # noqa: PLC0415  see run_role

    return WebRole(settings)
