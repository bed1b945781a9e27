"""What FFmpeg logs while a camera is opened: its error codes do not say which request failed."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import av.logging

_REFUSED = re.compile(r"\Amethod ([A-Z_]{1,20}) failed: ([0-9]{3})\b")
_OTHER_TRANSPORT = "Nonmatching transport in server reply"
# A camera that refuses the same again is told of in the same words again.
av.logging.set_skip_repeated(False)


class _Levels:
    """How much FFmpeg logs: what is captured while anybody listens, else as it was. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logger = logging.getLogger("libav")
        self._listeners = 0
        self._logger_level = logging.NOTSET
        self._library_level: int | None = None

    def listen(self) -> None:
        """Note one more listener."""
        with self._lock:
            if not self._listeners:
                self._logger_level = self._logger.level
                self._library_level = av.logging.get_level()
                # Only the lines that are captured are of use: those of other threads may hold
                # the URL.
                self._logger.setLevel(logging.CRITICAL + 1)
                if self._library_level is None:
                    av.logging.set_level(av.logging.ERROR)
            self._listeners += 1

    def restore(self) -> None:
        """Note one listener less."""
        with self._lock:
            self._listeners -= 1
            if not self._listeners:
                av.logging.set_level(self._library_level)
                self._logger.setLevel(self._logger_level)


_levels = _Levels()


class LibraryLog:
    """Lines logged by one thread; only what is recognised is ever given out."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, str, str]] = []

    @property
    def refused(self) -> tuple[str, int] | None:
        """Method and status of the last request that was answered with more than 400."""
        found = [match for *_, text in self._lines if (match := _REFUSED.match(text))]
        return (found[-1][1], int(found[-1][2])) if found else None

    @property
    def is_other_transport(self) -> bool:
        """Whether SETUP was answered with another transport than the one asked for."""
        return any(text.startswith(_OTHER_TRANSPORT) for *_, text in self._lines)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take down what FFmpeg logs in this thread meanwhile."""
        # Only meanwhile: each line takes Python's lock, and damaged pictures log many.
        _levels.listen()
        try:
            with av.logging.Capture(local=True) as self._lines:
                yield
        finally:
            _levels.restore()
