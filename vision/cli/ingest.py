"""``vision ingest``: one camera into the newest-frame slot on Redis."""

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
        "ingest", help="one camera: its frames to Redis, for `vision infer`"
    )
    parser.add_argument("--camera", required=True, metavar="NAME", help="its name in the settings")
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve the camera until a signal ends it."""
    return run_role(
        f"ingest {args.camera}", args.config, lambda settings: _make(settings, args.camera)
    )


def _make(settings: Settings, camera: str) -> Role:
    from vision.runtime.roles.ingest import IngestRole  # noqa: PLC0415  see run_role

    return IngestRole(settings, camera)
