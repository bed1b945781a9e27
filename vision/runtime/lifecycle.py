"""Signals: the first asks to drain and leave, the second leaves at once."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Set ``stop`` at SIGINT or SIGTERM, and end the process hard at a second one.

    The exit code is then 128 and the signal's number. For the main thread only; what stood
    before is put back at the end.

    A thread does it, told by the interpreter's wake-up descriptor: a handler runs in the
    main thread between any two steps, where ``Event.set`` may wait for a lock that the very
    same thread holds in ``Event.wait``, and not at all while that thread is in a library.
    """
    ours, interpreters = socket.socketpair()
    # The interpreter asks for one that never blocks; more signals than it holds are no loss.
    interpreters.settimeout(0)
    before_descriptor = signal.set_wakeup_fd(interpreters.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, _leave_it) for number in _ENDING}
    watching = threading.Thread(target=_watch, args=(ours, stop), name="signals", daemon=True)
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


def _watch(signals: socket.socket, stop: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while numbers := signals.recv(1):
            if numbers[0] not in _ENDING:
                continue
            if stop.is_set():
                os._exit(128 + numbers[0])
            stop.set()
