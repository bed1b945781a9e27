"""Entries that are no message of their camera: counted, said now and then, and passed by."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

from vision.domain.noop import noop
from vision.publishing.keys import StreamKey
from vision.resilience.log_throttle import LogThrottle

CountInvalid: TypeAlias = Callable[[str, str], None]
"""Hears of each message that cannot be used: the camera it came from, and the kind of stream."""
LIVE = "live"
"""In the place of an entry's id: the message came over the channel."""
_LOG_PERIOD_S = 60.0


class UnusableMessages:
    """What a reader could not use. Thread-safe."""

    def __init__(self, log: logging.Logger, told_as: str, count: CountInvalid = noop) -> None:
        """``log`` is told of them in lines that begin with ``told_as``, one a minute per stream."""
        self._log = log
        self._told_as = told_as
        self._count = count
        self._damper = LogThrottle(_LOG_PERIOD_S)

    def note(self, stream: StreamKey, entry: str, reason: object) -> None:
        """Pass by ``entry``, for ``reason``."""
        self._count(stream.camera, stream.kind.value)
        if times := self._damper.admit(str(stream)):
            self._log.warning(
                "%s.skipped stream=%s entry=%s times=%d reason=%s",
                self._told_as,
                stream,
                entry,
                times,
                reason,
            )
