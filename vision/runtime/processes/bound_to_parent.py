"""Processes that end when their parent does, however it ends.

The request has to be made by the process itself and survives exec (prctl(2),
PR_SET_PDEATHSIG). For other programs this file is run as a script that becomes them:
``python -I -S bound_to_parent.py PARENT_PID PROGRAM ARGUMENT…``. subprocess' ``preexec_fn``
could make the request too, but runs Python between fork and exec, which may deadlock when
the parent has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import AnyStr


def end(process: subprocess.Popen[AnyStr], timeout_s: float) -> bool:
    """Ask it to end, wait, and kill it after ``timeout_s``: False where that was needed.

    Its output is closed. Safe to repeat.
    """
    process.terminate()
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        ended = False
    else:
        ended = True
    if process.stdout is not None:
        process.stdout.close()
    return ended


_PR_SET_PDEATHSIG = 1


def bound(program: Sequence[str]) -> list[str]:
    """The command that starts ``program`` so that it ends when the calling process does."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *program]


def end_with_parent(parent: int, how: signal.Signals) -> None:
    """Have ``how`` sent to this process when ``parent`` dies: the thread, too, that started it.

    Leaves at once if the parent is gone already.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, how, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    # A parent that died before the request was heard sends no signal any more.
    if os.getppid() != parent:
        sys.exit("the parent is gone")


def main(arguments: list[str]) -> None:
    """Ask for SIGTERM at the parent's death, then become the program."""
    parent, program = int(arguments[0]), arguments[1:]
    end_with_parent(parent, signal.SIGTERM)
    os.execv(program[0], program)  # noqa: S606  replaces this process, no shell involved


if __name__ == "__main__":
    main(sys.argv[1:])
