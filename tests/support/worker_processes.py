"""Which process serves a camera, and what it holds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import children_of

_ESTABLISHED = "01"
_KIB_PER_MIB = 1024
# As multiprocessing starts a process that is no helper of its own.
_SPAWNED = "spawn_main"


@dataclass(frozen=True, slots=True)
class ResourceUse:
    """What a process holds: resident memory, now and at most so far, and file descriptors."""

    rss_mib: float
    peak_mib: float
    fds: int


def resources_of(pid: int) -> ResourceUse | None:
    """What a process holds now, None when it is gone."""
    with suppress(FileNotFoundError, ProcessLookupError, KeyError):
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        )
        rss_mib, peak_mib = (
            int(status[name].split()[0]) / _KIB_PER_MIB for name in ("VmRSS", "VmHWM")
        )
        return ResourceUse(rss_mib, peak_mib, sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))
    return None


def worker_on(node_pid: int, port: int) -> int | None:
    """The child of the node that has a connection to the camera on ``port``."""
    return next(iter(workers_on(node_pid, port)), None)


def workers_on(node_pid: int, port: int) -> list[int]:
    """The children of the node that have a connection to a camera on ``port``."""
    sockets = _sockets_to(port)
    return [child.pid for child in children_of(node_pid) if _has_one_of(child.pid, sockets)]


def ingest_processes(node_pid: int) -> list[int]:
    """All ingest processes of a node, those included that are just starting."""
    return [child.pid for child in children_of(node_pid) if _SPAWNED in child.command]


def _has_one_of(pid: int, sockets: set[str]) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                if str(descriptor.readlink()) in sockets:
                    return True
    return False


def _sockets_to(port: int) -> set[str]:
    """Open connections to ``port``, named as ``/proc/PID/fd`` names them."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        remote, state, inode = fields[2], fields[3], fields[9]
        if state == _ESTABLISHED and int(remote.rpartition(":")[2], 16) == port:
            found.add(f"socket:[{inode}]")
    return found
