"""``vision infer``: the inference worker, fed through Redis."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from vision.cli.transfers import ConsoleTransfers
from vision.config import load_settings
from vision.runtime.lifecycle import stop_on_signals
from vision.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from vision.cli.main import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "infer", help="the inference worker: frames of any cameras from Redis, detections back"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings (vision.yaml of this folder)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Infer until a signal ends it."""
    from vision.runtime.infer_role import InferRole  # noqa: PLC0415  engines load slowly

    settings = load_settings(args.config)
    configure_logs(settings.logs.level, settings.logs.format, sys.stdout)
    stop = threading.Event()
    with stop_on_signals(stop):
        InferRole(settings, ConsoleTransfers()).run(stop)
    return 0
