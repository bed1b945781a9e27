"""Which process serves a camera, and what it holds."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import children_of

_ESTABLISHED = "01"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds: resident memory and open file descriptors."""

    rss_mib: float
    fds: int


def held_by(pid: int) -> Held | None:
    """What a process holds now, None when it is gone."""
    with suppress(FileNotFoundError, ProcessLookupError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return Held(pages * _PAGE_BYTES / _MIB, len(os.listdir(f"/proc/{pid}/fd")))
    return None


def worker_on(node_pid: int, port: int) -> int | None:
    """The child of the node that has a connection to the camera on ``port``."""
    sockets = _sockets_to(port)
    for child in children_of(node_pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            for descriptor in Path(f"/proc/{child.pid}/fd").iterdir():
                with suppress(FileNotFoundError):
                    if os.readlink(descriptor) in sockets:
                        return child.pid
    return None


def _sockets_to(port: int) -> set[str]:
    """Open connections to ``port``, named as ``/proc/PID/fd`` names them."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        remote, state, inode = fields[2], fields[3], fields[9]
        if state == _ESTABLISHED and int(remote.rpartition(":")[2], 16) == port:
            found.add(f"socket:[{inode}]")
    return found
