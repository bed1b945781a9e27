"""``vision ingest``: one camera, or all, into the latest-frame slots on Redis."""

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
        "ingest", help="one camera, or all: frames to Redis, for `vision infer`"
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--camera", metavar="NAME", help="its name in the settings")
    which.add_argument(
        "--all", action="store_true", help="all cameras of the settings, those to come included"
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve the camera until a signal ends it."""
    name = "ingest" if args.all else f"ingest {args.camera}"
    return run_role(name, args.config, lambda settings: _make(settings, args.camera))


def _make(settings: Settings, camera: str | None) -> Role:
    from vision.runtime.roles.ingest import IngestRole  # noqa: PLC0415  see run_role

    return IngestRole(settings, camera)
