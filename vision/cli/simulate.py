"""``vision simulate``: an RTSP camera simulator with faults on demand."""

from __future__ import annotations

import argparse
import math
import sched
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from simulator import QUIRKS, Clip, Control, Credentials, Faults, Server, tls_context
from vision.domain.errors import ConfigError
from vision.runtime.processes.descriptors import raise_limit
from vision.runtime.processes.lifecycle import stop_on_signals
from vision.runtime.processes.secret_files import secret_files
from vision.telemetry.logs import configure_logs
from vision.telemetry.redaction import process_redactor

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from vision.cli.main import Subparsers

_NAME_COLUMNS = 2 + max(map(len, QUIRKS))
_PORTS = range(65536)
_TICKS = range(1 << 32)


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "simulate", help="an RTSP camera simulator with faults on demand"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(
        [
            "oddities of real cameras, for --quirk and, as NAME=on and NAME=off, for --control:",
            *(f"  {name:<{_NAME_COLUMNS}}{quirk.help}" for name, quirk in QUIRKS.items()),
        ]
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("files", nargs="+", type=Path, metavar="FILE", help="H.264 or H.265 clip, one per camera")
    add("--path", action="append", metavar="NAME", help="camera of a FILE, in order (its stem)")
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=_port, default=8554, help="port to listen on, 0 for any (%(default)s)")
    add("--fps", type=_positive, help="play at this frame rate instead of the clip's own")

    access = parser.add_argument_group("access").add_argument
    access("--username-file", type=Path, metavar="F", help="file that holds the user name")
    access("--password-file", type=Path, metavar="F", help="file that holds the password")
    schemes = ("digest", "basic", "digest-sha256")
    access("--auth", choices=schemes, default="digest", help="how it is asked for (%(default)s)")
    access("--tls-cert", type=Path, metavar="F", help="certificate chain in PEM: serve rtsps")
    access("--tls-key", type=Path, metavar="F", help="its key in PEM")

    faults = parser.add_argument_group("faults, on all cameras").add_argument
    faults("--no-sender-reports", action="store_true", help="say nothing of the camera's clock")
    faults("--clock-offset", type=_seconds, default=0.0, metavar="S", help="its clock is ahead")
    faults("--clock-drift", type=_seconds, default=0.0, metavar="S", help="it gains S a second")
    faults("--first-timestamp", type=_ticks, metavar="N", help="RTP timestamp to begin with")
    faults("--loss", type=_share, default=0.0, metavar="P", help="share of packets lost, 0 to 1")
    faults("--corrupt", type=_share, default=0.0, metavar="P", help="share of packets damaged")
    faults("--slowdown", type=_positive, default=1.0, metavar="N", help="times as long per frame")
    faults("--hang", action="store_true", help="accept connections and never answer")
    faults("--stall-after", type=_positive, metavar="S", help="send nothing from then on")
    faults("--freeze-after", type=_positive, metavar="S", help="send one picture from then on")
    faults("--cut-every", type=_positive, metavar="S", help="break all connections off")
    faults(
        "--quirk",
        action="append",
        choices=QUIRKS,
        default=[],
        metavar="NAME",
        help="one of the oddities below, may be given several times",
    )
    faults(
        "--control",
        action="store_true",
        help="read faults from standard input, a line each, as in: NAME stall=on, NAME loss=0.1 "
        "corruption=0.02, NAME ntp_zero=on, NAME show=FILE, * cut; each is answered with ok or error: WHY",
    )


def run(args: argparse.Namespace) -> int:
    """Serve the clips until a signal ends it.

    Raises:
        ConfigError: A file is no clip, a secret or certificate is missing, the port is taken.
    """
    raise_limit()
    configure_logs("info", "auto", sys.stderr)
    server = Server(
        _streams(args.files, args.path, args.fps),
        host=args.host,
        port=args.port,
        credentials=_credentials(args),
        tls=_tls(args.tls_cert, args.tls_key),
    )
    faults = [camera.faults for camera in server.cameras.values()]
    for fault in faults:
        fault.sender_reports = not args.no_sender_reports
        fault.clock_offset_s, fault.clock_drift = args.clock_offset, args.clock_drift
        fault.first_timestamp = args.first_timestamp
        fault.loss, fault.corruption = args.loss, args.corrupt
        fault.slowdown, fault.hang = args.slowdown, args.hang
        for name in args.quirk:
            fault.switch(QUIRKS[name], is_on=True)
    stop = threading.Event()
    with stop_on_signals(stop), server:
        for name in server.cameras:
            print(server.url(name), flush=True)
        if args.control:
            # Ends with the process: a line that nobody sends cannot be waited for any shorter.
            threading.Thread(target=_obey, args=(server,), name="control", daemon=True).start()
        schedule = _schedule(args, server, faults)
        while not stop.wait(schedule.run(blocking=False)):
            pass
    return 0


def _obey(server: Server) -> None:
    for answer in Control(server, Clip.load).answers(sys.stdin):
        print(answer, flush=True)


def _streams(files: list[Path], names: list[str] | None, fps: float | None) -> dict[str, Clip]:
    names = [name.strip("/") for name in names] if names else [file.stem for file in files]
    if len(names) != len(files):
        raise ConfigError(f"{len(files)} files but {len(names)} names: give each FILE its --path")
    if len(set(names)) < len(names) or "" in names:
        raise ConfigError("two cameras cannot have one name: give each FILE its own --path")
    clips = {file: Clip.load(file, fps) for file in dict.fromkeys(files)}
    return {name: clips[file] for name, file in zip(names, files, strict=True)}


def _credentials(args: argparse.Namespace) -> Credentials | None:
    if args.username_file is None and args.password_file is None:
        return None
    if args.username_file is None or args.password_file is None:
        raise ConfigError("--username-file and --password-file go together: give both or none")
    username, password = (
        secret_files(path.parent).require(path.name, f"{option} names it").get_secret_value()
        for option, path in (
            ("--username-file", args.username_file),
            ("--password-file", args.password_file),
        )
    )
    process_redactor.register(username, password)
    return Credentials(username, password, args.auth)


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ConfigError("--tls-cert and --tls-key go together: give both or none")
    return tls_context(certificate, key)


def _schedule(args: argparse.Namespace, server: Server, faults: list[Faults]) -> sched.scheduler:
    schedule = sched.scheduler(time.monotonic)

    def later(delay_s: float | None, action: Callable[[], None]) -> None:
        if delay_s is not None:
            schedule.enter(delay_s, 0, action)

    def stall() -> None:
        for fault in faults:
            fault.stall = True

    def freeze() -> None:
        for fault in faults:
            fault.freeze = True

    def cut() -> None:
        server.cut()
        later(args.cut_every, cut)

    later(args.stall_after, stall)
    later(args.freeze_after, freeze)
    later(args.cut_every, cut)
    return schedule


def _port(text: str) -> int:
    port = int(text)
    if port not in _PORTS:
        raise argparse.ArgumentTypeError(f"{text} is no port: 0 to 65535")
    return port


def _ticks(text: str) -> int:
    ticks = int(text)
    if ticks not in _TICKS:
        raise argparse.ArgumentTypeError(f"{text} is no RTP timestamp: 0 to 2**32 - 1")
    return ticks


def _seconds(text: str) -> float:
    seconds = float(text)
    if not math.isfinite(seconds):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return seconds


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share: 0 to 1")
    return share
