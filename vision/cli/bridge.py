"""``vision bridge``: events and states for systems that do not read Redis."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from vision.cli.role import Role, add_config, run_role

if TYPE_CHECKING:
    from vision.cli.main import Subparsers
    from vision.config import Settings


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser("bridge", help="events and states to MQTT or to webhooks")
    kinds = parser.add_subparsers(required=True, metavar="KIND")
    for name, meaning, make in (
        ("mqtt", "states and events to a broker, with Home Assistant's discovery", _mqtt),
        ("webhook", "events posted to HTTP servers, signed", _webhook),
    ):
        kind = kinds.add_parser(name, help=meaning)
        add_config(kind)
        kind.set_defaults(run=run, make=make)


def run(args: argparse.Namespace) -> int:
    """Hand on until a signal ends it."""
    return run_role("bridge", args.config, args.make)


def _mqtt(settings: Settings) -> Role:
    from vision.runtime.roles.mqtt_bridge import MqttBridge  # noqa: PLC0415  see run_role

    return MqttBridge(settings)


def _webhook(settings: Settings) -> Role:
    from vision.runtime.roles.webhook_bridge import WebhookBridge  # noqa: PLC0415  see run_role

    return WebhookBridge(settings)
