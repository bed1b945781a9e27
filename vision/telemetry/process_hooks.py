"""What Python does with an exception that nobody catches, in every thread: it is logged."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import sys
import threading
from types import TracebackType

_log = logging.getLogger("vision")


def install_hooks() -> None:
    """Log uncaught exceptions, which so pass redaction, instead of printing them.

    A crash in C is told by ``faulthandler``: files, lines and functions, no values.
    """
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    # Without a standard error of its own, as under a test runner, there is nowhere to tell it.
    with contextlib.suppress(AttributeError, OSError, ValueError, RuntimeError):
        if not faulthandler.is_enabled():
            faulthandler.enable()


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _log.critical("process.uncaught_exception", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    error = args.exc_value or args.exc_type()
    _log.error(
        "process.exception_ignored in=%r",
        args.object,
        exc_info=(args.exc_type, error, args.exc_traceback),
    )
