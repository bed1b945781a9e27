"""``vision metrics``: every metric with its meaning."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from vision.cli.metrics_table import COLUMNS, metric_rows, metrics_markdown

if TYPE_CHECKING:
    from vision.cli.main import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser("metrics", help="every metric with its meaning")
    parser.add_argument("--markdown", action="store_true", help="the table of docs/metrics.md")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the metrics."""
    if args.markdown:
        print(metrics_markdown())
        return 0
    table = Table(*COLUMNS, box=None, header_style="bold")
    for row in metric_rows():
        table.add_row(*row)
    Console().print(table)
    return 0
