"""A folder of pictures of events, one for each event, bounded by age and by size."""

from __future__ import annotations

import errno
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from vision.resilience.log_throttle import LogThrottle

_log = logging.getLogger(__name__)


class SnapshotFailure(StrEnum):
    """Why a picture could not be kept."""

    FULL = "full"
    """There is no room left on the disk."""
    DENIED = "denied"
    """The folder may not be written, or cannot be."""
    TOO_LARGE = "too_large"
    """It alone is larger than all pictures together may be."""
    IO = "io"
    """Whatever else a disk says."""


class SnapshotRemoval(StrEnum):
    """Why a picture was removed."""

    AGE = "age"
    """It was older than ``events.snapshots.max_age_days``."""
    SIZE = "size"
    """It made room: all together were larger than ``events.snapshots.max_mib``."""


# An event's id: the detection message that first showed it (camera, run, seq) and an index.
# Nothing else becomes a name of a file.
_EVENT_ID = re.compile(r"([a-z0-9]+(?:[_-][a-z0-9]+)*):[0-9]{1,20}-[0-9]{1,20}-[0-9]{1,9}")
_LONGEST_ID = 128
_SUFFIX = ".jpg"
_PARTIAL = re.compile(r"\.[a-z0-9_:-]+\.[0-9]+\.part")
_PARTIAL_AGE_S = 60.0
_JPEG_START = b"\xff\xd8"
_SWEEP_S = 60.0
# Room is made for more than the next picture, or each would look through the whole folder.
_ROOM = 0.05
_LOG_PERIOD_S = 60.0
_FAILURES = {
    errno.ENOSPC: SnapshotFailure.FULL,
    errno.EDQUOT: SnapshotFailure.FULL,
    errno.EACCES: SnapshotFailure.DENIED,
    errno.EPERM: SnapshotFailure.DENIED,
    errno.EROFS: SnapshotFailure.DENIED,
}


def snapshot_path(event_id: str) -> str | None:
    """Where the picture of an event lies, ``CAMERA/EVENT_ID.jpg``; None for what is no id."""
    camera = _camera_of(event_id)
    return None if camera is None else f"{camera}/{event_id}{_SUFFIX}"


class StoreObserver(Protocol):
    """Hears what becomes of pictures."""

    def kept(self, camera: str) -> None:
        """One was written."""

    def failed(self, camera: str, reason: SnapshotFailure) -> None:
        """One could not be written."""

    def removed(self, reason: SnapshotRemoval) -> None:
        """One is gone."""

    def measured(self, held_bytes: int, oldest_s: float | None) -> None:
        """The folder was looked through; ``oldest_s`` is in seconds since 1970, None when empty."""


class SnapshotStore:
    """Writes and reads pictures of events; those that write and those that read may be several.

    No method raises for what the disk does: an event goes on without its picture.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_age_s: float,
        max_bytes: int,
        observer: StoreObserver | None = None,
        utc_s: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._max_age_s = max_age_s
        self._max_bytes = max_bytes
        self._observer = observer
        self._utc_s = utc_s
        self._held_bytes = 0
        self._sweep_at_s = float("-inf")
        self._damper = LogThrottle(_LOG_PERIOD_S)

    def write(self, event_id: str, jpeg: bytes) -> bool:
        """Keep the picture of an event, in place of an earlier one; False when it cannot be."""
        camera = _camera_of(event_id)
        if camera is None:
            return False
        if len(jpeg) > self._max_bytes:
            self._fail(camera, SnapshotFailure.TOO_LARGE)
            return False
        try:
            with _opened_folder(self._folder, camera, is_made=True) as folder_fd:
                _replace(folder_fd, event_id, jpeg)
        except OSError as error:
            self._warn(error)
            self._fail(camera, _FAILURES.get(error.errno or 0, SnapshotFailure.IO))
            return False
        if self._observer:
            self._observer.kept(camera)
        self._held_bytes += len(jpeg)
        self.sweep()
        return True

    def read(self, camera: str, event_id: str) -> bytes | None:
        """The picture of an event, None if there is none."""
        if _camera_of(event_id) != camera:
            return None
        with suppress(OSError), _opened_folder(self._folder, camera) as folder_fd:
            descriptor = os.open(
                event_id + _SUFFIX, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd
            )
            with open(descriptor, "rb") as file:  # noqa: PTH123  a descriptor has no path
                jpeg = file.read(self._max_bytes)
            # After a power cut a file may be there without its content.
            return jpeg if jpeg.startswith(_JPEG_START) else None
        return None

    def sweep(self) -> None:
        """Remove what is too old, and the oldest beyond the size; looks once a minute at most.

        Sooner only when what was written since might be too much.
        """
        now_s = self._utc_s()
        # A clock that was set back must not put the next look off for ever.
        is_due = not self._sweep_at_s - _SWEEP_S <= now_s < self._sweep_at_s
        if not is_due and self._held_bytes <= self._max_bytes:
            return
        self._sweep_at_s = now_s + _SWEEP_S
        try:
            self._remove(now_s)
        except OSError as error:
            # Asked again in a minute, not at every turn.
            self._held_bytes = 0
            self._warn(error)

    def _remove(self, now_s: float) -> None:
        kept = sorted(_pictures(self._folder, now_s))
        held_bytes = sum(picture.size for picture in kept)
        limit = self._max_bytes
        if held_bytes > limit:
            limit = int(limit * (1 - _ROOM))
        oldest_s = None
        for picture in kept:
            is_old = now_s - picture.taken_s > self._max_age_s
            if not is_old and held_bytes <= limit:
                oldest_s = picture.taken_s
                break
            picture.path.unlink(missing_ok=True)
            held_bytes -= picture.size
            if self._observer:
                self._observer.removed(SnapshotRemoval.AGE if is_old else SnapshotRemoval.SIZE)
        self._held_bytes = held_bytes
        if self._observer:
            self._observer.measured(held_bytes, oldest_s)

    def _fail(self, camera: str, reason: SnapshotFailure) -> None:
        if self._observer:
            self._observer.failed(camera, reason)

    def _warn(self, error: OSError) -> None:
        reason = error.strerror or str(error)
        if times := self._damper.admit(reason):
            _log.warning(
                "snapshots.failed folder=%s times=%d reason=%s", self._folder, times, reason
            )


class _Kept(NamedTuple):
    taken_s: float
    size: int
    path: Path


def _camera_of(event_id: str) -> str | None:
    found = _EVENT_ID.fullmatch(event_id) if len(event_id) <= _LONGEST_ID else None
    return None if found is None else found[1]


@contextmanager
def _opened_folder(folder: Path, camera: str, *, is_made: bool = False) -> Iterator[int]:
    """The descriptor of a camera's folder; what lies in it is reached by that, never by a path."""
    if is_made:
        (folder / camera).mkdir(mode=0o750, parents=True, exist_ok=True)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder / camera, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _replace(folder_fd: int, event_id: str, jpeg: bytes) -> None:
    partial = f".{event_id}.{os.getpid()}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(partial, flags, 0o640, dir_fd=folder_fd)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  a descriptor has no path
            file.write(jpeg)
        os.replace(partial, event_id + _SUFFIX, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
    except OSError:
        with suppress(OSError):
            os.unlink(partial, dir_fd=folder_fd)
        raise


def _pictures(folder: Path, now_s: float) -> Iterator[_Kept]:
    """Pictures of events; remains of a writer that was killed are removed, all else is left."""
    if not folder.is_dir():
        return
    for camera in folder.iterdir():
        if camera.is_symlink() or not camera.is_dir():
            continue
        with os.scandir(camera) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    kept = _kept(entry, now_s)
                    if kept:
                        yield kept


def _kept(entry: os.DirEntry[str], now_s: float) -> _Kept | None:
    if not entry.is_file(follow_symlinks=False):
        return None
    about = entry.stat(follow_symlinks=False)
    if _PARTIAL.fullmatch(entry.name):
        if now_s - about.st_mtime > _PARTIAL_AGE_S:
            Path(entry.path).unlink(missing_ok=True)
        return None
    is_picture = entry.name.endswith(_SUFFIX) and _camera_of(entry.name.removesuffix(_SUFFIX))
    return _Kept(about.st_mtime, about.st_size, Path(entry.path)) if is_picture else None
