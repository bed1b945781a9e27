"""Turn this process into another program that ends when its parent does.

Run as a script: ``python -I -S bound_to_parent.py PARENT_PID PROGRAM ARGUMENT…``. The
request has to be made by the process itself and survives exec (prctl(2),
PR_SET_PDEATHSIG); subprocess' ``preexec_fn`` could make it too, but runs Python between
fork and exec, which may deadlock when the parent has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def bound(program: Sequence[str]) -> list[str]:
    """The command that starts ``program`` so that it ends when the calling process does."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *program]


def main(arguments: list[str]) -> None:
    """Ask for SIGTERM at the parent's death, then become the program."""
    parent, program = int(arguments[0]), arguments[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    # A parent that died before the request was heard sends no signal any more.
    if os.getppid() != parent:
        sys.exit("the parent is gone")
    os.execv(program[0], program)  # noqa: S606  replaces this process, no shell involved


if __name__ == "__main__":
    main(sys.argv[1:])
