"""One thread of a process that stands still while the others go on: a hang in C."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# linux/ptrace.h and linux/wait.h.
_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000
_LOOK_EVERY_S = 0.02


@contextmanager
def stopped_thread(thread_id: int) -> Iterator[None]:
    """Hold the thread with ptrace(2), whether it has Python's lock or not.

    Signals cannot do it: they stop all threads of a process. The process may be killed
    meanwhile.

    Raises:
        PermissionError: This machine allows nobody to trace.
    """
    release, held = threading.Event(), threading.Event()
    failure: list[OSError] = []

    def trace() -> None:
        # The kernel takes all requests from the one thread that began.
        try:
            _ptrace(_SEIZE, thread_id)
            _ptrace(_INTERRUPT, thread_id)
            os.waitpid(thread_id, _WALL)
        except OSError as error:
            failure.append(error)
            return
        finally:
            held.set()
        while not release.wait(_LOOK_EVERY_S):
            # Its end has to be waited for here, or its parent would never hear of it.
            pid, status = os.waitpid(thread_id, _WALL | os.WNOHANG)
            if pid and (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
                return
        with suppress(OSError):
            _ptrace(_DETACH, thread_id)

    tracer = threading.Thread(target=trace, name="tracer", daemon=True)
    tracer.start()
    held.wait()
    if failure:
        raise failure[0]
    try:
        yield
    finally:
        release.set()
        tracer.join()


def _ptrace(request: int, thread_id: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(ctypes.c_long(request), ctypes.c_long(thread_id), None, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
