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
_lock = threading.Lock()
_users = [0]
# What was set before somebody listened: of the logger, and of the library.
_logger_level, _library_level = [logging.NOTSET], list[int | None]([None])
_logger = logging.getLogger("libav")
# A camera that refuses the same again is told of in the same words again.
av.logging.set_skip_repeated(False)


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
        with _lock:
            if not _users[0]:
                # Only the lines that are captured are of use: those of other threads may hold
                # the URL.
                _logger_level[0], _library_level[0] = _logger.level, av.logging.get_level()
                _logger.setLevel(logging.CRITICAL + 1)
                if _library_level[0] is None:
                    av.logging.set_level(av.logging.ERROR)
            _users[0] += 1
        try:
            with av.logging.Capture(local=True) as self._lines:
                yield
        finally:
            with _lock:
                _users[0] -= 1
                if not _users[0]:
                    av.logging.set_level(_library_level[0])
                    _logger.setLevel(_logger_level[0])
