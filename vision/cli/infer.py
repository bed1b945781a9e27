"""``vision infer``: the inference worker, fed through Redis."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from vision.cli.role import Role, add_config, run_role
from vision.cli.transfers import ConsoleTransfers

if TYPE_CHECKING:
    from vision.cli.main import Subparsers
    from vision.config import Settings


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "infer", help="the inference worker: frames of any cameras from Redis, detections back"
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Infer until a signal ends it."""
    return run_role("infer", args.config, _make)


def _make(settings: Settings) -> Role:
    from vision.runtime.roles.infer import InferRole  # noqa: PLC0415  see run_role

    return InferRole(settings, ConsoleTransfers())
