"""Memory and processor time of a process and its descendants, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def family(pid: int) -> list[int]:
    """A process and all its descendants that live."""
    found = [pid]
    for member in found:
        try:
            tasks = list(Path(f"/proc/{member}/task").iterdir())
            for task in tasks:
                found += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def rss_mib(pid: int) -> float:
    """Resident memory in MiB; shared pages count for each process that touched them."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 2**20


def cpu_s(pid: int) -> float:
    """Processor time so far, user and system, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def role(pid: int, node_pid: int) -> str:
    """What a process of a node is for."""
    if pid == node_pid:
        return "node"
    command = Path(f"/proc/{pid}/cmdline").read_text()
    return "resource tracker" if "resource_tracker" in command else f"ingest {pid - node_pid}"
