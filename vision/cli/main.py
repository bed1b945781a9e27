"""The ``vision`` command: its parser, and how errors become one line and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Protocol

import vision
from vision.domain.errors import ArtefactError, ConfigError, VisionError
from vision.telemetry.lenient_output import open_outputs
from vision.telemetry.redacted_stream import redacted_output
from vision.telemetry.redaction import process_redactor

_log = logging.getLogger(__name__)
# No space, no more of one's share of it, a file as large as it may be.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Each command is a module with `add_parser(subparsers)`; imported only when it is asked
# for, since spawned ingest workers import this module too.
_COMMANDS = {
    "run": "the node: cameras in, detections out",
    "ingest": "one camera, or all: frames to Redis, for `vision infer`",
    "infer": "the inference worker: frames of any cameras from Redis, detections back",
    "events": "tracks objects: when each came, where it went, when it left",
    "web": "the live page of all cameras on Redis, for `vision ingest` and `vision infer`",
    "narrate": "events in a sentence or two, by language models or by template",
    "bridge": "events and states to MQTT or to webhooks",
    "demo": "simulated cameras, embedded Redis, the node and a live page",
    "check": "config, secrets, model, Redis and every camera: a line each",
    "tail": "print detections as they are published",
    "models": "list, pull, verify, export and quantise models",
    "compose": "a Compose service for each camera",
    "settings": "every setting with its default",
    "metrics": "every metric with its meaning",
    "reload": "have the roles that run here read their settings again",
    "healthcheck": "whether the role that runs here does its work",
    "simulate": "an RTSP camera simulator with faults on demand",
}


class Subparsers(Protocol):
    """Where a command adds its own parser; argparse's type for it is private."""

    def add_parser(self, name: str, *, help: str) -> argparse.ArgumentParser:  # noqa: A002  the name is argparse's
        """A parser for the command ``name``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 2 for input that can be mended."""
    open_outputs()
    with redacted_output("stderr"):
        return _run(sys.argv[1:] if argv is None else list(argv))


def _run(arguments: list[str]) -> int:
    parser = _parser(arguments)
    args = parser.parse_args(arguments)
    try:
        return _finished(args)
    except VisionError as error:
        _complain(error)
        return 2 if isinstance(error, ConfigError | ArtefactError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output left, as `head` does; nothing more can be said.
        _discard_output()
        return 0
    except OSError as error:
        if error.errno in _FULL:
            _discard_output_if_broken()
            _complain(VisionError(f"{_what(error)} cannot be written: {error.strerror}: make room"))
        else:
            _log.critical("process.uncaught_exception", exc_info=True)
        return 1
    except Exception:  # noqa: BLE001  the last one who can
        # A mistake of ours: Python itself would print its traceback past redaction.
        _log.critical("process.uncaught_exception", exc_info=True)
        return 1


def _finished(args: argparse.Namespace) -> int:
    code = int(args.run(args))
    # Here, where an error of it can be told: Python itself would do it at the very end.
    sys.stdout.flush()
    return code


def _discard_output() -> None:
    """What is left of standard output goes nowhere: Python would try again, and fail, at the end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _discard_output_if_broken() -> None:
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _discard_output()


def _what(error: OSError) -> str:
    return str(error.filename or "what the command writes")


def _complain(error: VisionError) -> None:
    # First redacted: a secret whose spaces were joined would not be known again.
    line = " ".join(process_redactor.redact(str(error)).split())
    print(f"error: {line}", file=sys.stderr)


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vision", description=vision.__doc__)
    parser.add_argument("--version", action="version", version=f"vision {vision.__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    asked = next((word for word in arguments if not word.startswith("-")), None)
    for command, meaning in _COMMANDS.items():
        if command == asked:
            importlib.import_module(f"vision.cli.{command}").add_parser(subparsers)
        else:
            subparsers.add_parser(command, help=meaning)
    return parser
