"""How much memory a process holds, and what it used of the processor.

Where the machine has no descriptor left to look with, nobody knows: no fault of that process.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from vision.resilience.log_throttle import LogThrottle

_log = logging.getLogger(__name__)
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_damper = LogThrottle(60.0)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process (proc_pid_statm(5)); 0 when it is gone or nobody knows."""
    fields = (_read(pid, "statm") or "").split()
    return int(fields[1]) * _PAGE_BYTES if fields else 0


def resident_mib(pid: int) -> float:
    """As :func:`resident_bytes`, in MiB."""
    return resident_bytes(pid) / (1 << 20)


def processor_s(pid: int) -> float | None:
    """Processor time of a process, seconds (proc_pid_stat(5)); 0 when it is gone.

    None: nobody knows.
    """
    text = _read(pid, "stat")
    if not text:
        return None if text is None else 0.0
    # The name before may hold anything, a bracket too.
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICKS_PER_S


def _read(pid: int, name: str) -> str | None:
    """What the kernel says of a process: nothing when it is gone, None when we cannot look."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    except OSError as error:
        if _damper.admit(name):
            _log.warning("process.not_looked_at file=%s reason=%s", name, error.strerror)
        return None
