"""The end of a process that was started here."""

from __future__ import annotations

import subprocess
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
