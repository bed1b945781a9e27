"""The SQLite file of the spool: how it is opened, read, and put out of the way."""

from __future__ import annotations

import dataclasses
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

from vision.publishing.keys import Kind

_VERSION = 1
_INSERT = "INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_COLUMNS = "number, kind, camera, stream_id, run, skipped, lost_before, payload"


class DamagedError(sqlite3.DatabaseError):
    """The file is not what this program wrote."""


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A message that waits.

    Attributes:
        number: Key of the row; grows in the order of writing.
        kind: See :class:`vision.publishing.keys.Kind`.
        camera: Whose.
        stream_id: Explicit id on its stream.
        run: Run of its frame; empty for a status.
        skipped: Frames before it that it accounts for.
        lost_before: Frames of lost messages that it must account for too.
        payload: The message's bytes; None when they made way for newer ones.
    """

    number: int
    kind: str
    camera: str
    stream_id: str
    run: str
    skipped: int
    lost_before: int
    payload: bytes | None

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        return len(self.payload or b"")

    @property
    def order(self) -> tuple[int, int]:
        """Its place on its stream."""
        milliseconds, _, number = self.stream_id.partition("-")
        return int(milliseconds), int(number)


def open_file(path: Path) -> tuple[sqlite3.Connection, list[Row]]:
    """Open the file for this process alone, made if missing; and what is in it.

    Raises:
        DamagedError: It is not whole, or of another version.
        sqlite3.Error: It is in use, not to be written, no database, or the disk fails.
    """
    database = _connect(path)
    try:
        return database, _rows(database)
    except BaseException:
        database.close()
        raise


def _connect(path: Path) -> sqlite3.Connection:
    # Used by one thread at a time, but not always by the one that opened it.
    database = sqlite3.connect(path, timeout=0.0, check_same_thread=False)
    try:
        path.chmod(0o600)
        # A lock of the process: it goes with a kill -9, and no shared memory is needed.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA auto_vacuum = FULL")
        database.execute("PRAGMA journal_mode = WAL")
        # Whole after a power cut, but for the last moments; after a kill -9 nothing is missing.
        database.execute("PRAGMA synchronous = NORMAL")
        _check(database)
    except BaseException:
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection) -> None:
    """Make the table of a new file; else look whether it is ours and whole."""
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, _VERSION):
        raise DamagedError(f"it is of version {version}, not {_VERSION}")
    if not version:
        _create(database)
    state: str = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if state != "ok":
        raise DamagedError("it does not pass SQLite's check")


def _create(database: sqlite3.Connection) -> None:
    with database:
        database.execute("BEGIN IMMEDIATE")
        database.execute(
            "CREATE TABLE waiting (number INTEGER PRIMARY KEY, kind TEXT, camera TEXT, "
            "stream_id TEXT, run TEXT, skipped INTEGER, lost_before INTEGER, payload BLOB)"
        )
        database.execute(f"PRAGMA user_version = {_VERSION}")


def _rows(database: sqlite3.Connection) -> list[Row]:
    """All rows in the order they were written."""
    found = database.execute(f"SELECT {_COLUMNS} FROM waiting ORDER BY number")  # noqa: S608  constants
    rows = [Row(*columns) for columns in found]
    try:
        for row in rows:
            _ = Kind(row.kind), row.order, row.size, row.skipped + row.lost_before
    except (AttributeError, TypeError, ValueError):
        raise DamagedError("it holds what was never written") from None
    return rows


def write(
    database: sqlite3.Connection,
    new: Iterable[Row],
    acked: Iterable[int],
    emptied: Iterable[int],
) -> None:
    """Add ``new``, remove ``acked`` and take the payloads of ``emptied``: all or nothing.

    Raises:
        sqlite3.Error: Nothing was changed.
    """
    with database:
        database.executemany("DELETE FROM waiting WHERE number = ?", [(n,) for n in acked])
        database.executemany(_INSERT, [dataclasses.astuple(row) for row in new])
        database.executemany(
            "UPDATE waiting SET payload = NULL WHERE number = ?", [(n,) for n in emptied]
        )


def set_aside(path: Path) -> Path:
    """Rename the file and what belongs to it; returns the new name."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{moment}")
    for suffix in ("-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + suffix))
    path.rename(aside)
    return aside
