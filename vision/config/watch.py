"""Watches the settings file and the folder of camera files for changes."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path

import watchfiles

from vision.config.camera_files import camera_file_paths
from vision.domain.errors import ConfigError

_log = logging.getLogger(__name__)
# It counts changes at info, of which we say more.
logging.getLogger("watchfiles").setLevel(logging.WARNING)
# Editors and ConfigMaps write in several steps: changes closer together than that are one.
_QUIET_MS, _LONGEST_MS = 100, 1_000
# How soon a change is found that the kernel does not report: network mounts, new folders.
_POLL_S = 2.0

Fingerprint = tuple[Hashable, ...]


class SettingsWatch:
    """Finds out when the settings on disk have changed; for a thread of its own."""

    def __init__(self, config: Path | None, folder: Path) -> None:
        """Watch the settings file ``config``, if there is one, and the files in ``folder``."""
        self._config = config
        self._folder = folder
        self._last = self.fingerprint()

    def fingerprint(self) -> Fingerprint:
        """What identifies the present content of the files, without reading them."""
        files = [self._config] if self._config else []
        try:
            files += camera_file_paths(self._folder)
        except ConfigError as error:
            # To be told by whoever reads the settings.
            return (str(error),)
        return tuple(map(_identity, files))

    def has_changed(self) -> bool:
        """Whether the files differ from what they were at the last call."""
        before, self._last = self._last, self.fingerprint()
        return self._last != before

    def run(self, stop: threading.Event, on_change: Callable[[], None]) -> None:
        """Call ``on_change`` after each change until ``stop`` is set."""
        while not stop.is_set():
            try:
                self._wait(stop)
            except (OSError, RuntimeError) as error:
                # No inotify watches left, or a file system without them.
                _log.debug("config.watch_failed reason=%s", error)
                stop.wait(_POLL_S)
            if not stop.is_set() and self.has_changed():
                on_change()

    def _wait(self, stop: threading.Event) -> None:
        """Return after a change in a watched folder, or after the time for a poll."""
        began_s = time.monotonic()
        for _ in watchfiles.watch(
            *self._folders(),
            watch_filter=self._concerns,
            debounce=_LONGEST_MS,
            step=_QUIET_MS,
            rust_timeout=round(_POLL_S * 1000),
            yield_on_timeout=True,
            stop_event=stop,
            raise_interrupt=False,
            recursive=False,
        ):
            return
        # It ends by itself where there is nothing to watch.
        stop.wait(max(0.0, began_s + _POLL_S - time.monotonic()))

    def _concerns(self, _change: watchfiles.Change, path: str) -> bool:
        """Whether a changed path may be one of the settings; logs may be kept beside them."""
        changed = Path(path)
        if changed.parent == self._folder or changed.name == self._folder.name:
            return True
        # A ConfigMap is replaced by renaming the symlink ..data.
        is_config = self._config is not None and changed.name == self._config.name
        return is_config or changed.name.startswith("..")

    def _folders(self) -> Iterable[Path]:
        # Folders, not files: a file is often replaced by another of its name.
        parent = self._config.parent if self._config else self._folder.parent
        return [folder for folder in (parent, self._folder) if folder.is_dir()]


def _identity(path: Path) -> Hashable:
    try:
        status = os.stat(path)  # noqa: PTH116  follows the symlinks of a ConfigMap
    except OSError as error:
        return str(path), error.errno
    return str(path), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
