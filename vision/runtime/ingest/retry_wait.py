"""Waits for the next attempt, or until somebody has mended the credentials."""

from __future__ import annotations

from collections.abc import Callable, Hashable

# A look at two files costs microseconds, and a person who has typed a password waits for it.
_LOOK_EVERY_S = 1.0


class RetryWait:
    """One wait for a retry; made before the attempt that may fail."""

    def __init__(self, stamp: Callable[[], Hashable], wait: Callable[[float], bool]) -> None:
        """Note how the secret files are now.

        Args:
            stamp: Differs when a secret file has changed.
            wait: Waits so many seconds; True ends all waiting.
        """
        self._stamp = stamp
        self._wait = wait
        self._tried = stamp()

    def wait(self, delay_s: float) -> bool:
        """Wait for ``delay_s`` seconds at most; whether a changed secret file cut it short."""
        seen, left_s = self._tried, delay_s
        while left_s > 0:
            look_s = min(_LOOK_EVERY_S, left_s)
            left_s -= look_s
            if self._wait(look_s):
                return False
            before, seen = seen, self._stamp()
            # A user name and its password are two files: wait until both are written.
            if seen != self._tried and seen == before:
                return True
        return False
