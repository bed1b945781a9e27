"""The threads a role is made of: if one fails, all end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVarTuple

_log = logging.getLogger(__name__)
_Arguments = TypeVarTuple("_Arguments")


class RoleThreads:
    """Starts the parts of a role and keeps the first failure of one.

    Whoever started the role starts it again: better than one that looks alive.
    """

    def __init__(self, stop: threading.Event) -> None:
        """``stop`` is set when a part fails."""
        self.stop = stop
        self._threads: dict[str, threading.Thread] = {}
        self._failure: BaseException | None = None

    def start(
        self, name: str, work: Callable[[*_Arguments], None], *arguments: *_Arguments
    ) -> threading.Thread:
        """Run ``work`` with ``arguments`` in a thread called ``name``."""

        def guarded() -> None:
            try:
                work(*arguments)
            except BaseException as error:  # noqa: BLE001  raised again by raise_failure
                _log.critical("role.part_failed part=%s", name, exc_info=error)
                self._failure = self._failure or error
                self.stop.set()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        self._threads[name] = thread
        return thread

    def join(self, *names: str) -> None:
        """Wait until these threads have ended, one after the other."""
        for name in names:
            self._threads[name].join()

    def raise_failure(self) -> None:
        """Raise what the first failed part raised, if one did."""
        if self._failure is not None:
            raise self._failure
