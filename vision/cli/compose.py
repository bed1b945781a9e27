"""``vision compose``: what a deployment with containers needs from the settings."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vision.config.loader import load_settings
from vision.domain.errors import ConfigError

if TYPE_CHECKING:
    from vision.cli.main import Subparsers

_OUTPUT = Path("compose", "cameras.yaml")
_STANDARD_OUTPUT = Path("-")


def add_parser(subparsers: Subparsers) -> None:
    """Add the command and its verb to the parser."""
    parser = subparsers.add_parser("compose", help="a Compose service for each camera")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    render = verbs.add_parser("render", help="write the services of the cameras")
    render.add_argument(
        "--config", type=Path, metavar="FILE", help="settings (vision.yaml of this folder)"
    )
    render.add_argument(
        "--output",
        type=Path,
        default=_OUTPUT,
        metavar="FILE",
        help="what to write, - for standard output (%(default)s)",
    )
    render.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 if it is out of date"
    )
    render.set_defaults(run=run_render)


def run_render(args: argparse.Namespace) -> int:
    """Write the services, or tell whether the file has them already.

    Raises:
        ConfigError: The settings are not in order, or the file cannot be written.
    """
    from vision.runtime.commands.compose_render import render_cameras  # noqa: PLC0415  quick --help

    text = render_cameras(load_settings(args.config).cameras)
    if args.check:
        return _check(args.output, text)
    if args.output == _STANDARD_OUTPUT:
        sys.stdout.write(text)
        return 0
    try:
        args.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{args.output}: cannot be written: {error.strerror}") from None
    print(f"{args.output}: written")
    return 0


def _check(path: Path, expected: str) -> int:
    try:
        is_current = path.read_bytes() == expected.encode()
    except FileNotFoundError:
        is_current = False
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if is_current:
        print(f"{path}: up to date")
        return 0
    print(f"{path}: out of date: run `vision compose render`", file=sys.stderr)
    return 1
