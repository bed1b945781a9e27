"""Signals: the first asks to drain and leave, the second leaves at once; one to read anew."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import FrameType

from vision.domain.noop import noop

_log = logging.getLogger(__name__)
_ENDING = (signal.SIGINT, signal.SIGTERM)
RELOAD = signal.SIGUSR1


def reload_signals() -> tuple[signal.Signals, ...]:
    """The signals that ask for the settings to be read again.

    SIGHUP is one where no terminal is: from a terminal it says that this closes, and then a role
    is to end.
    """
    return (RELOAD,) if os.isatty(0) else (RELOAD, signal.SIGHUP)


@contextmanager
def stop_on_signals(stop: threading.Event, reload: Callable[[], None] = noop) -> Iterator[None]:
    """Set ``stop`` at SIGINT or SIGTERM, and end the process hard at a second one.

    ``reload`` is called, on another thread, at :func:`reload_signals`.

    The exit code is then 128 and the signal's number. For the main thread only; what stood
    before is put back at the end.

    A thread does it, told by the interpreter's wake-up descriptor: a handler runs in the
    main thread between any two steps, where ``Event.set`` may wait for a lock that the very
    same thread holds in ``Event.wait``, and not at all while that thread is in a library.
    """
    reloading = reload_signals()
    ours, interpreters = socket.socketpair()
    # The interpreter asks for one that never blocks; more signals than it holds are no loss.
    interpreters.settimeout(0)
    before_descriptor = signal.set_wakeup_fd(interpreters.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, _leave_it) for number in (*_ENDING, *reloading)}
    watching = threading.Thread(
        target=_watch, args=(ours, stop, reload, reloading), name="signals", daemon=True
    )
    watching.start()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before_descriptor)
        interpreters.close()
        watching.join()
        ours.close()


def _leave_it(number: int, frame: FrameType | None) -> None:
    """See :func:`stop_on_signals`: the thread has been told."""


def _watch(
    signals: socket.socket,
    stop: threading.Event,
    reload: Callable[[], None],
    reloading: Collection[int],
) -> None:
    with contextlib.suppress(OSError):
        while numbers := signals.recv(1):
            if numbers[0] in reloading:
                _read(reload)
            if numbers[0] not in _ENDING:
                continue
            if stop.is_set():
                os._exit(128 + numbers[0])
            stop.set()


def _read(reload: Callable[[], None]) -> None:
    try:
        reload()
    except Exception:  # noqa: BLE001  the thread has to hear of the next signal
        _log.exception("signals.not_read_anew")
