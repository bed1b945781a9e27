"""The first signal asks to leave, the second is obeyed whatever the program is doing."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.integration

_PROGRAM = """
import ctypes, sys, threading
from vision.runtime.processes.lifecycle import stop_on_signals

stop = threading.Event()
with stop_on_signals(stop):
    print("ready", flush=True)
    {body}
print("left", flush=True)
"""
# A library that never comes back, as the main thread sees it: no handler of Python's runs.
_DEAF = "ctypes.CDLL(None).pause(); [ctypes.CDLL(None).pause() for _ in iter(int, 1)]"


@contextmanager
def running(body: str, program: str = _PROGRAM) -> Iterator[subprocess.Popen[str]]:
    """A program that does ``body`` between its signals."""
    with subprocess.Popen(
        [sys.executable, "-c", program.format(body=body)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_lets_the_program_end_by_itself(number: signal.Signals) -> None:
    """With the exit code that it wants to have."""
    with running("stop.wait()") as process:
        process.send_signal(number)
        assert process.communicate(timeout=PATIENCE_S) == ("left\n", "")
        assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_ends_a_program_that_hangs_in_a_library(number: signal.Signals) -> None:
    """At once, with the exit code that shells expect of a signal."""
    told = f'threading.Thread(target=lambda: (stop.wait(), print("told", flush=True))).start(); {_DEAF}'
    with running(told) as process:
        assert process.stdout is not None
        process.send_signal(number)
        assert process.stdout.readline() == "told\n"
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 128 + number


def test_other_signals_do_not_end_it() -> None:
    """A handler of somebody else's wakes the same descriptor."""
    body = "import signal; signal.signal(signal.SIGUSR2, print); signal.raise_signal(signal.SIGUSR2); sys.exit(stop.is_set())"
    with running(body) as process:
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0


def test_a_signal_has_the_settings_read_anew_as_often_as_it_comes() -> None:
    """Also after the reading failed; the program goes on, and ends when it is told to."""
    program = _PROGRAM.replace("stop_on_signals(stop)", "stop_on_signals(stop, read)").replace(
        "stop = threading.Event()",
        "stop, times = threading.Event(), []\n"
        "def read():\n    times.append(1); print('read', flush=True); times[1]",
    )
    with running("stop.wait()", program) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.send_signal(signal.SIGUSR1)
            assert process.stdout.readline() == "read\n"
        process.send_signal(signal.SIGTERM)
        left, complaints = process.communicate(timeout=PATIENCE_S)
        assert (left, process.returncode) == ("left\n", 0)
        assert complaints.count("signals.not_read_anew") == 1
