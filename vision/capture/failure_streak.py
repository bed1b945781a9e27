"""How long failures in a row are borne: one damaged picture is nothing, all of them are."""

from __future__ import annotations

from vision.domain.errors import SourceError

_GIVE_UP_FAILURES, _GIVE_UP_NS = 5, 20_000_000_000


class FailureStreak:
    """Counts failures in a row; one thread."""

    def __init__(self) -> None:
        self._failures = self._since_ns = 0

    def success(self) -> None:
        """An attempt went well: all is forgiven."""
        self._failures = 0

    def failure(self, error: SourceError, mono_ns: int) -> None:
        """An attempt failed at ``mono_ns``.

        Raises:
            SourceError: ``error``, since for a long time nothing else came.
        """
        if not self._failures:
            self._since_ns = mono_ns
        self._failures += 1
        if self._failures >= _GIVE_UP_FAILURES and mono_ns - self._since_ns >= _GIVE_UP_NS:
            raise error
