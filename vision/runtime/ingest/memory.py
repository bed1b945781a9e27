"""How much memory another process holds, and what it used of the processor."""

from __future__ import annotations

import os
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Resident memory of a process (proc_pid_statm(5)); 0 when it is gone."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return 0
    return int(pages) * _PAGE_BYTES


def resident_mib(pid: int) -> float:
    """As :func:`resident_bytes`, in MiB."""
    return resident_bytes(pid) / (1 << 20)


def processor_s(pid: int) -> float:
    """Processor time of a process, seconds (proc_pid_stat(5)); 0 when it is gone."""
    try:
        # The name before may hold anything, a bracket too.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    user, system = fields[11:13]
    return (int(user) + int(system)) / _TICKS_PER_S
