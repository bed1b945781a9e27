# ruff: noqa: INP001  run by smoke.sh, never imported
"""Kills a process, or looks for secrets in what processes show; for smoke.sh.

Runs in a container that sees the host's processes:
  kill PID     SIGKILL, as the kernel's memory killer would; prints when, in ms since the epoch
  scan PID...  reads secrets from standard input, one per line, and prints each environment or
               command line that holds one
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path


def kill(pid: int) -> None:
    """Kill ``pid`` and say when."""
    now_ms = time.time_ns() // 1_000_000
    os.kill(pid, signal.SIGKILL)
    sys.stdout.write(f"{now_ms}\n")


def scan(pids: list[int]) -> None:
    """Print where a secret stands, and last how many files were read."""
    secrets = [line.strip() for line in sys.stdin.buffer if line.strip()]
    read = 0
    for pid in pids:
        for name in ("environ", "cmdline"):
            path = Path("/proc", str(pid), name)
            try:
                shown = path.read_bytes()
            except FileNotFoundError:
                continue
            read += 1
            if any(secret in shown for secret in secrets):
                sys.stdout.write(f"found {path}\n")
    sys.stdout.write(f"read {read}\n")


if sys.argv[1] == "kill":
    kill(int(sys.argv[2]))
else:
    scan([int(pid) for pid in sys.argv[2:]])
