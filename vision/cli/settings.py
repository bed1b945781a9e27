"""``vision settings``: every setting with its default."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from vision.config.reference import setting_rows, settings_markdown

if TYPE_CHECKING:
    from vision.cli.main import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser("settings", help="every setting with its default")
    parser.add_argument("--markdown", action="store_true", help="the table of docs/settings.md")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the settings."""
    if args.markdown:
        print(settings_markdown())
        return 0
    table = Table("key", "default", "meaning", box=None, header_style="bold")
    for row in setting_rows():
        table.add_row(row.key.replace("*", "NAME"), row.default, row.meaning)
    Console().print(table)
    return 0
