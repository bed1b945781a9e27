"""What waits for Redis, on the disk too: it survives a restart of the node (docs/adr/0014).

The outbox in memory stays the truth. The file holds a copy of what has waited for a moment; a
row goes when its message has reached its stream or never will. After a restart what is left
there is sent before anything new, under the same ids: what Redis has already, it refuses.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from vision.domain.errors import ConfigError
from vision.publishing.writing.outbox import Entry
from vision.publishing.writing.spool_file import DamagedError, Row, open_file, set_aside, write
from vision.resilience.log_throttle import LogThrottle

_log = logging.getLogger(__name__)
_MIB = 1024 * 1024
# Numbers, names and the tree around a payload: measured, rounded up.
_ROW_BYTES = 128
# What Redis takes within this time never touches the disk.
_SHORT_WAIT_S = 1.0
_RETRY_S = 10.0
_LOG_PERIOD_S = 60.0
_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_ERROR")
_NOT_OURS = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")


class Spool:
    """One file of waiting messages; used by one thread at a time.

    A disk that is full or fails is said and costs nothing but the copy: ``problem`` tells,
    and after a while it is tried again.
    """

    def __init__(
        self, path: Path, max_mib: int, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Open ``path``, made if missing; a damaged file is set aside.

        Raises:
            ConfigError: The folder cannot be used, or another process uses the file.
        """
        self._path = path
        self._max_bytes = max_mib * _MIB
        self._monotonic_s = monotonic_s
        self._sizes: dict[int, int] = {}
        self._bytes = 0
        self._next_number = 1
        self._settled: deque[int] = deque()
        self._is_closed = False
        self._looked_s = 0.0
        self._retry_s = 0.0
        self._problem: str | None = None
        self._damper = LogThrottle(_LOG_PERIOD_S, monotonic_s)
        self._rows: list[Row] = []
        self._database: sqlite3.Connection | None = None
        try:
            self._open()
        except sqlite3.Error as error:
            self._fail(error)

    @property
    def size_bytes(self) -> int:
        """What is on the disk, as it counts towards the room there."""
        return self._bytes

    @property
    def problem(self) -> str | None:
        """Why nothing is kept on the disk at present; None when all is well."""
        return self._problem

    @property
    def without_room(self) -> int:
        """How many messages are in memory only, for want of room."""
        return sum(not size for size in self._sizes.values())

    def take_found(self) -> list[Row]:
        """What the last run left, in the order it was written; once."""
        rows, self._rows = self._rows, []
        return rows

    def adopt(self, entry: Entry, row: Row) -> None:
        """Take ``entry`` as what stands in ``row``."""
        entry.spooled_lost = row.lost_before
        entry.on_unspool = partial(self._settled.append, row.number)
        if entry.is_acked:
            # Meanwhile, by another thread.
            entry.on_unspool()

    def discard(self, numbers: Iterable[int]) -> None:
        """Remove rows that are of no use any more."""
        self._settled.extend(numbers)

    def is_due(self, *, is_away: bool) -> bool:
        """Whether it is time to look at what waits: at once if Redis is away."""
        now_s = self._monotonic_s()
        if not is_away and now_s - self._looked_s < _SHORT_WAIT_S and not self._settled:
            return False
        self._looked_s = now_s
        return now_s >= self._retry_s

    def until_s(self, *, is_away: bool) -> float:
        """What was put before this moment is to be kept."""
        return self._monotonic_s() - (0.0 if is_away else _SHORT_WAIT_S)

    def keep(self, entries: Iterable[Entry]) -> bool:
        """Write ``entries`` and remove what is settled; False when the disk takes nothing."""
        if self._is_closed:
            return False
        kept = [
            entry
            for entry in entries
            if not (entry.is_spooled or entry.is_acked or entry.delivered)
        ]
        for entry in kept:
            if entry.on_unspool is not None:
                # It has to account for other messages since: written anew.
                entry.on_unspool()
                entry.on_unspool = None
        acked = [self._settled.popleft() for _ in range(len(self._settled))]
        if not kept and not acked:
            return self._problem is None
        try:
            if self._database is None:
                self._open()
            self._write(kept, acked)
        except (sqlite3.Error, ConfigError) as error:
            self._settled.extendleft(acked)
            self._fail(error)
            return False
        if self._problem is not None:
            _log.info("spool.works_again file=%s", self._path)
            self._problem = None
        return True

    def close(self) -> None:
        """Write what is settled and close the file; what is in it now stays. Safe to repeat."""
        self.keep(())
        self._is_closed = True
        if self._database is not None:
            self._database.close()
            self._database = None

    def _open(self) -> None:
        """Open the file and read it, or set it aside and begin a new one.

        Raises:
            ConfigError: See the constructor.
            sqlite3.Error: The disk is full or fails.
        """
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._database, self._rows = open_file(self._path)
        except OSError as error:
            raise ConfigError(
                f"publishing.spool_dir: {self._path.parent}: "
                f"{(error.strerror or 'cannot be used').lower()}: name a folder that can be "
                "written, or remove the key"
            ) from None
        except sqlite3.Error as error:
            code = _code(error)
            if code == "SQLITE_BUSY":
                raise ConfigError(
                    f"publishing.spool_dir: {self._path} is in use by another process: give each "
                    "its own folder"
                ) from None
            if code in _NOT_OURS:
                raise ConfigError(
                    f"publishing.spool_dir: {self._path} cannot be written: check its owner and "
                    "mode, or remove the key"
                ) from None
            if code not in _DAMAGED and not isinstance(error, DamagedError):
                raise
            # Not to start would cost more than what is in there.
            aside = set_aside(self._path)
            _log.error(
                "spool.damaged file=%s reason=%s: what waited in it is not sent: it is kept as %s",
                self._path,
                error,
                aside.name,
            )
            self._database, self._rows = open_file(self._path)
        self._sizes = {row.number: row.size for row in self._rows}
        self._bytes = sum(self._sizes.values()) + _ROW_BYTES * len(self._sizes)
        self._next_number = max(self._sizes, default=0) + 1

    def _write(self, kept: Sequence[Entry], acked: Iterable[int]) -> None:
        """One transaction: the settled go, the new come, the oldest make way."""
        if self._database is None:
            return
        first = self._next_number
        rows = [_row(number, entry) for number, entry in enumerate(kept, first)]
        gone = self._sizes.keys() & set(acked)
        left = self._bytes - sum(self._sizes[number] + _ROW_BYTES for number in gone)
        left += sum(row.size + _ROW_BYTES for row in rows)
        sizes = {number: size for number, size in self._sizes.items() if number not in gone}
        sizes.update((row.number, row.size) for row in rows)
        # Emptied, not removed: if they are never sent, the next start can tell of it.
        emptied = _oldest(sizes, left - self._max_bytes)
        write(self._database, rows, gone, emptied)
        self._bytes = left - sum(sizes[number] for number in emptied)
        self._sizes = sizes
        self._sizes.update(dict.fromkeys(emptied, 0))
        self._next_number = first + len(rows)
        for row, entry in zip(rows, kept, strict=True):
            self.adopt(entry, row)
        if emptied and (times := self._damper.admit("full")):
            _log.error(
                "spool.trimmed file=%s times=%d reason=publishing.spool_max_mib is reached: the "
                "oldest messages wait in memory only",
                self._path,
                times,
            )

    def _fail(self, error: Exception) -> None:
        reason = _words(error)
        self._retry_s = self._monotonic_s() + _RETRY_S
        if self._problem is None:
            _log.error(
                "spool.failed file=%s reason=%s: messages wait in memory only", self._path, reason
            )
        self._problem = reason


def _oldest(sizes: Mapping[int, int], excess_bytes: int) -> list[int]:
    """The rows that make way for ``excess_bytes``, if there is that much."""
    found: list[int] = []
    for number, size in sizes.items():
        if excess_bytes <= 0:
            break
        if size:
            found.append(number)
            excess_bytes -= size
    return found


def _row(number: int, entry: Entry) -> Row:
    return Row(
        number,
        entry.stream.kind.value,
        entry.stream.camera,
        entry.stream_id,
        entry.run,
        entry.skipped,
        entry.lost_before,
        entry.payload,
    )


def _code(error: Exception) -> str:
    """SQLite's name for what went wrong, without its finer shades."""
    return "_".join(str(getattr(error, "sqlite_errorname", "")).split("_")[:2])


def _words(error: Exception) -> str:
    return {
        "SQLITE_FULL": "the disk is full",
        "SQLITE_IOERR": "the disk fails",
        "SQLITE_READONLY": "it is read-only",
    }.get(_code(error), str(error))
