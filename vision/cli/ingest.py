"""``vision ingest``: one camera into the newest-frame slot on Redis."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from vision.config import load_settings
from vision.runtime.lifecycle import stop_on_signals
from vision.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from vision.cli.main import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "ingest", help="one camera: its frames to Redis, for `vision infer`"
    )
    parser.add_argument("--camera", required=True, metavar="NAME", help="its name in the settings")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings (vision.yaml of this folder)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve the camera until a signal ends it."""
    from vision.runtime.ingest_role import IngestRole  # noqa: PLC0415  mistakes come first

    settings = load_settings(args.config)
    configure_logs(settings.logs.level, settings.logs.format, sys.stdout)
    stop = threading.Event()
    with stop_on_signals(stop):
        IngestRole(settings, args.camera).run(stop)
    return 0
