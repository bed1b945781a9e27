"""The threads a role is made of: if one fails, all end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class PartThreads:
    """Starts the parts of a role and keeps the first failure of one.

    Whoever started the role starts it again: better than one that looks alive.
    """

    def __init__(self, stop: threading.Event) -> None:
        """``stop`` is set when a part fails."""
        self._stop = stop
        self._failure: BaseException | None = None

    def start(self, name: str, work: Callable[[], None]) -> threading.Thread:
        """Run ``work`` in a thread called ``name``."""

        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  raised again by raise_failure
                _log.critical("role.part_failed part=%s", name, exc_info=error)
                self._failure = self._failure or error
                self._stop.set()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread

    def raise_failure(self) -> None:
        """Raise what the first failed part raised, if one did."""
        if self._failure is not None:
            raise self._failure
