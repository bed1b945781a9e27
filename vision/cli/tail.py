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
from vision.config.secrets import REDIS_PASSWORD
from vision.config.settings import Settings
from vision.domain.event import EventGap, EventMessage, EventZones
from vision.domain.frame import ClockSource
from vision.domain.message import DetectionMessage, StatusMessage
from vision.domain.narration import NarrationMessage
from vision.publishing.reading.cursor import (
    Cursor,
    DetectionCursor,
    EventCursor,
    Message,
    NarrationCursor,
    StatusCursor,
)
from vision.publishing.reading.subscriber import ReceivedMessage, Subscriber
from vision.runtime.processes.secret_files import secret_files
from vision.telemetry.lenient_output import writable_json
from vision.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from vision.cli.main import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser("tail", help="print what is published, as it is published")
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
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--status", action="store_true", help="changes of state, not detections")
    kind.add_argument(
        "--events", action="store_true", help="visits of tracked objects, not detections"
    )
    kind.add_argument("--narration", action="store_true", help="events in words, not detections")
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
        elif args.events:
            _print(_messages(args, settings, EventCursor), event_line, as_json=args.json)
        elif args.narration:
            _print(_messages(args, settings, NarrationCursor), narration_line, as_json=args.json)
        else:
            _print(_messages(args, settings, DetectionCursor), DetectionLines(), as_json=args.json)
    except KeyboardInterrupt:
        pass
    return 0


def _messages(
    args: argparse.Namespace, settings: Settings, cursor: type[Cursor[Message]]
) -> Iterable[ReceivedMessage[Message]]:
    secrets = secret_files(settings.secrets_dir)

    def password() -> str | None:
        found = secrets.read(REDIS_PASSWORD)
        return found.get_secret_value() if found else None

    # A secret file that is not in order ends the command here, not in a loop of attempts.
    password()
    subscriber = Subscriber(settings.redis, password, cursor, args.cameras, replay=args.replay)
    return subscriber.messages(threading.Event())


def _print(
    messages: Iterable[ReceivedMessage[Message]], line: Callable[[Message], str], *, as_json: bool
) -> None:
    for received in messages:
        if as_json:
            text = writable_json(received.payload.decode(), sys.stdout)
        else:
            text = line(received.message)
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


def event_line(message: EventMessage) -> str:
    """When it was last seen, camera, what is said of which event, label, and what is known of it.

    The event is told by the end of its id, which is unique among the camera's.
    """
    zones = message.zones
    parts = [f"{message.duration_s:.1f} s"]
    if zones.entered:
        parts.append("in " + ", ".join(_zone(name, zones) for name in zones.entered))
    parts += [f"{crossing.line} {crossing.direction}" for crossing in message.lines]
    if message.stationary:
        parts.append("stationary")
    if message.gaps:
        parts.append("not looked: " + ", ".join(_gap(gap) for gap in message.gaps))
    if message.best.snapshot:
        parts.append(message.best.snapshot)
    if message.end:
        parts.append(f"ended: {message.end}")
    number = message.id.rpartition(":")[2]
    return _printable(
        f"{message.time.seen} {message.camera} {message.type} {number} "
        f"{message.label} {message.confidence:.2f} {'; '.join(parts)}"
    )


def narration_line(message: NarrationMessage) -> str:
    """When it was told, camera, who wrote it after how long, and the text."""
    return _printable(
        f"{message.time.published} {message.camera} {message.provider} "
        f"{message.latency_ms:.0f} ms {message.text}"
    )


def _zone(name: str, zones: EventZones) -> str:
    """The zone with the seconds in it; a ``*`` where the object still is."""
    mark = "*" if name in zones.current else ""
    return f"{name}{mark} {zones.dwell_s.get(name, 0.0):.1f} s"


def _gap(gap: EventGap) -> str:
    span = datetime.fromisoformat(gap.until) - datetime.fromisoformat(gap.from_)
    frames = f" ({gap.frames} frames)" if gap.frames else ""
    return f"{span.total_seconds():.1f} s {gap.reason}{frames}"


def _printable(text: str) -> str:
    """``text`` without what could steer a terminal: it came over the network."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number
