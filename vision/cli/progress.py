"""Progress of transfers on the terminal: a bar, or a line at start and end elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from vision.artefacts.progress import ReachedBytes


class TerminalProgress:
    """Implements :class:`vision.artefacts.progress.Progress` on standard error."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)

    @contextmanager
    def transfer(self, title: str, total_bytes: int) -> Iterator[ReachedBytes]:
        """Show the transfer ``title`` while the context lasts."""
        if not self._console.is_terminal:
            self._console.print(f"pulling {title} ({total_bytes / 1e6:.0f} MB)")
            yield _ignore
            self._console.print(f"pulled {title}")
            return
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, TransferSpeedColumn(), console=self._console) as bars:
            task = bars.add_task(title, total=total_bytes)
            yield lambda done_bytes: bars.update(task, completed=done_bytes)


def _ignore(done_bytes: int) -> None:
    pass
