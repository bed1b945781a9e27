"""How a process that was started is ended."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vision.runtime.processes.bound_to_parent import end

pytestmark = pytest.mark.integration

_DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


def _started(program: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_who_listens_ends_in_time_and_may_be_ended_again() -> None:
    """Nothing of it stays, its output is closed."""
    process = _started("import time; print('ready', flush=True); time.sleep(600)")
    assert end(process, 60)
    assert end(process, 60)
    assert process.returncode is not None
    assert process.stdout is not None
    assert process.stdout.closed


def test_who_does_not_listen_is_killed() -> None:
    """After the time it was given, and that is told."""
    process = _started(_DEAF)
    assert not end(process, 0.2)
    assert process.returncode is not None
