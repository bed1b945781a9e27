"""``vision tail``: print what is published, as the reference subscriber sees it."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vision.config.loader import load_settings
from vision.config.secrets import REDIS_PASSWORD, SecretFiles
from vision.config.settings import Settings
from vision.domain.frame import ClockSource
from vision.domain.message import DetectionMessage, StatusMessage
from vision.publishing.cursor import Cursor, DetectionCursor, Message, StatusCursor
from vision.publishing.subscriber import Received, Subscriber
from vision.telemetry.logs import configure_logs
from vision.telemetry.redaction import process_redactor

if TYPE_CHECKING:
    from vision.cli.main import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser("tail", help="print detections as they are published")
    parser.add_argument(
        "cameras", nargs="*", metavar="CAMERA", help="cameras to follow; default: all"
    )
    parser.add_argument(
        "--replay",
        type=_count,
        default=0,
        metavar="N",
        help="first the newest N messages of each camera",
    )
    parser.add_argument("--status", action="store_true", help="changes of state, not detections")
    parser.add_argument("--json", action="store_true", help="whole messages, one per line")
    parser.add_argument("--config", type=Path, metavar="FILE", help="default: vision.yaml")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print messages until Ctrl-C."""
    settings = load_settings(args.config)
    configure_logs("warning", settings.logs.format, sys.stderr)
    try:
        if args.status:
            _print(_messages(args, settings, StatusCursor), status_line, as_json=args.json)
        else:
            _print(_messages(args, settings, DetectionCursor), DetectionLines(), as_json=args.json)
    except KeyboardInterrupt:
        pass
    return 0


def _messages(
    args: argparse.Namespace, settings: Settings, cursor: type[Cursor[Message]]
) -> Iterable[Received[Message]]:
    secrets = SecretFiles(settings.secrets_dir, process_redactor.register)

    def password() -> str | None:
        found = secrets.read(REDIS_PASSWORD)
        return found.get_secret_value() if found else None

    # A secret file that is not in order ends the command here, not in a loop of attempts.
    password()
    subscriber = Subscriber(settings.redis, password, cursor, args.cameras, replay=args.replay)
    return subscriber.messages(threading.Event())


def _print(
    messages: Iterable[Received[Message]], line: Callable[[Message], str], *, as_json: bool
) -> None:
    for received in messages:
        text = received.payload.decode() if as_json else line(received.message)
        print(text, flush=True)


class DetectionLines:
    """Says of each message what its frame showed, and how many before it were held back."""

    def __init__(self) -> None:
        self._gated: dict[str, tuple[str, int]] = {}

    def __call__(self, message: DetectionMessage) -> str:
        """The line of the next message."""
        run, before = self._gated.get(message.camera, (message.run, message.gated))
        self._gated[message.camera] = message.run, message.gated
        return detection_line(message, message.gated - (before if run == message.run else 0))


def detection_line(message: DetectionMessage, gated: int = 0) -> str:
    """Time of capture, camera, frame, milliseconds from capture to publishing, what was seen.

    A ``~`` stands before a latency that counts from arrival, for want of the camera's clock.
    ``gated`` frames were held back just before: nothing moved, and nobody looked.
    """
    time = message.time
    delay = datetime.fromisoformat(time.published) - datetime.fromisoformat(time.captured)
    mark = "" if time.source == ClockSource.RTCP else "~"
    latency = f"{mark}{delay.total_seconds() * 1000:.0f} ms"
    seen = ", ".join(f"{found.label} {found.confidence:.2f}" for found in message.detections)
    held_back = f" ({gated} gated before)" if gated else ""
    return _printable(
        f"{time.captured} {message.camera} {message.seq} {latency} {seen or '-'}{held_back}"
    )


def status_line(message: StatusMessage) -> str:
    """Time, camera, state, why, and when the next attempt is due."""
    retry = f" (next attempt {message.retry_at})" if message.retry_at else ""
    reason = f" {message.reason}" if message.reason else ""
    return _printable(f"{message.at} {message.camera} {message.state}{reason}{retry}")


def _printable(text: str) -> str:
    """``text`` without what could steer a terminal: it came over the network."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number
