"""Processes as the kernel shows them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.processes import family
from tests.support.waiting import wait_until


@dataclass(frozen=True)
class SeenProcess:
    """A process, told apart by its start from a later one of the same number."""

    pid: int
    started: str
    command: str

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        seen = _look(self.pid)
        return seen is not None and seen[0] == self.started

    def environment(self) -> str:
        """Its environment as the kernel shows it."""
        try:
            return Path(f"/proc/{self.pid}/environ").read_bytes().decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""

    def wait_until_gone(self) -> None:
        """Fail when it does not end."""
        wait_until(lambda: not self.is_alive, f"the end of {self.pid} {self.command}")


def children_of(pid: int) -> list[SeenProcess]:
    """All descendants of a process."""
    descendants = family(pid)[1:]
    looks = [(child, _look(child)) for child in descendants]
    return [SeenProcess(child, *seen) for child, seen in looks if seen is not None]


def _look(pid: int) -> tuple[str, str] | None:
    """Start time and command of a live process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, started = fields[0], fields[19]
    return None if state in "ZX" else (started, command)
