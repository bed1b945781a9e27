"""Publishers whose messages wait on the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.publishing import RunningPublisher, publishing_to
from tests.support.redis_server import RedisServer
from vision.config.core import PublishingSettings

FILE = "node.sqlite3"


def spooling(folder: Path, **changes: int) -> PublishingSettings:
    """Settings of a publisher that keeps in ``folder`` what waits."""
    return PublishingSettings(spool_dir=folder, **changes)


def rows_on(folder: Path) -> int:
    """How many messages are on the disk; the file is not in use."""
    database = sqlite3.connect(folder / FILE)
    try:
        count: int = database.execute("SELECT count(*) FROM waiting").fetchone()[0]
    finally:
        database.close()
    return count


def size_on(folder: Path) -> int:
    """Bytes of all files of the database."""
    return sum(path.stat().st_size for path in folder.glob(f"{FILE}*"))


@contextmanager
def away(server: RedisServer, publishing: PublishingSettings) -> Iterator[RunningPublisher]:
    """A publisher whose Redis is away."""
    server.stop()
    with publishing_to(server, publishing) as running:
        yield running
