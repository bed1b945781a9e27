"""``vision check``: a line for each thing a node needs."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from vision.cli.role import add_config
from vision.cli.transfers import ConsoleTransfers
from vision.config import load_settings
from vision.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from vision.cli.main import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "check", help="config, secrets, model, Redis and every camera: a line each"
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check everything; 0 if a node can do its work, 1 if something is wrong."""
    from vision.runtime.commands.checks import run_checks  # noqa: PLC0415  engines load slowly

    settings = load_settings(args.config)
    configure_logs("error", "text", sys.stderr)
    console = Console()
    _print(console, "config", "every key is known and valid", is_fine=True)
    all_fine = True
    for check in run_checks(settings, ConsoleTransfers()):
        all_fine &= check.is_fine
        _print(console, check.subject, check.text, is_fine=check.is_fine)
    return 0 if all_fine else 1


def _print(console: Console, subject: str, text: str, *, is_fine: bool) -> None:
    mark = Text("ok    " if is_fine else "WRONG ", style="green" if is_fine else "bold red")
    console.print(mark + Text(f"{subject}: {text}"), soft_wrap=True)
