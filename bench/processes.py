"""Memory and processor time of processes and their descendants, from /proc."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_GONE = FileNotFoundError, ProcessLookupError
_PAGE = os.sysconf("SC_PAGE_SIZE")


def family(pid: int) -> list[int]:
    """A process and all its descendants that live."""
    found = [pid]
    for member in found:
        tasks = Path(f"/proc/{member}/task")
        with suppress(*_GONE):
            for task in tasks.iterdir():
                # It may have ended since it was listed; the others have not.
                with suppress(*_GONE):
                    found += map(int, (task / "children").read_text().split())
    return found


def rss_mib(pid: int) -> float:
    """Resident memory in MiB; shared pages count for each process that touched them."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 2**20


def cpu_s(pid: int) -> float:
    """Processor time so far, user and system, seconds."""
    return _cpu_s(Path(f"/proc/{pid}/stat"))


def thread_cpu_s(pid: int) -> dict[int, tuple[str, float]]:
    """Name and processor time of each thread of a process."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found[int(task.name)] = (task / "comm").read_text().strip(), _cpu_s(task / "stat")
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _cpu_s(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def role(pid: int, node_pid: int) -> str:
    """What a process of a node is for; the same word for all ingest processes."""
    if pid == node_pid:
        return "node"
    command = Path(f"/proc/{pid}/cmdline").read_text()
    return "resource tracker" if "resource_tracker" in command else "ingest"


def cpu_by_role(roots: Mapping[str, int]) -> dict[int, tuple[str, float]]:
    """Role and processor time of each process under ``roots``, which are pids by role.

    The processes under ``node`` are told apart by :func:`role`.
    """
    found = {}
    for name, root in roots.items():
        for pid in family(root):
            try:
                found[pid] = role(pid, root) if name == "node" else name, cpu_s(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def spent_s(
    before: Mapping[int, tuple[str, float]], after: Mapping[int, tuple[str, float]]
) -> dict[str, float]:
    """Processor time by role between two readings of :func:`cpu_by_role`."""
    spent: dict[str, float] = {}
    for pid, (name, used_s) in after.items():
        spent[name] = spent.get(name, 0.0) + used_s - before.get(pid, (name, 0.0))[1]
    return spent
