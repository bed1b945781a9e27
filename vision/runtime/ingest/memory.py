"""How much memory another process holds."""

from __future__ import annotations

import os
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


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
