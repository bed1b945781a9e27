"""Shows downloads: bars on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from vision.models.progress import ReachedBytes

_BYTES_PER_MB = 1e6


class ConsoleTransfers:
    """Implements :class:`vision.models.progress.TransferProgress`."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)

    @contextmanager
    def transfer(self, title: str, total_bytes: int) -> Iterator[ReachedBytes]:
        """Show the transfer ``title`` while the context lasts."""
        if self._console.is_terminal:
            with self._bar(title, total_bytes) as reached:
                yield reached
            return
        size_mb = total_bytes / _BYTES_PER_MB
        self._print(f"pulling {title} ({size_mb:.1f} MB)")
        started_s = time.monotonic()
        yield _unseen
        self._print(f"pulled {title} in {time.monotonic() - started_s:.1f} s")

    @contextmanager
    def _bar(self, title: str, total_bytes: int) -> Iterator[ReachedBytes]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(title, total=total_bytes)

            def reached(done_bytes: int) -> None:
                progress.update(task, completed=done_bytes)

            yield reached
            progress.update(task, completed=total_bytes)

    def _print(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)


def _unseen(done_bytes: int) -> None:
    pass
