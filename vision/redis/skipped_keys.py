"""Keys that are left out for now, because something of another type is kept under their names."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable

import redis

from vision.domain.trouble import Trouble
from vision.redis.errors import is_of_another_type
from vision.resilience.log_throttle import LogThrottle
from vision.resilience.troubles import Troubles

RETRY_S = 1.0
"""How often to look whether the key of a camera that was left out is right again."""
_LOG_PERIOD_S = 60.0
# All keys of a camera have its name in braces.
_CAMERA = re.compile(r"\{(.+)\}")


class SkippedKeys:
    """Whoever reads many keys notes here those it has to go on without. Thread-safe."""

    def __init__(
        self,
        log: logging.Logger,
        told_as: str,
        troubles: Troubles | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """``log`` is told of each key, in lines that begin with ``told_as``; ``troubles`` too."""
        self._log = log
        self._told_as = told_as
        self._troubles = troubles or Troubles()
        self._clock_s = clock_s
        self._damper = LogThrottle(_LOG_PERIOD_S, clock_s)
        self._lock = threading.Lock()
        self._retry_s: dict[str, float] = {}

    def __contains__(self, key: object) -> bool:
        return str(key) in self._retry_s

    @property
    def keys(self) -> tuple[str, ...]:
        """All that are left out now."""
        with self._lock:
            return tuple(sorted(self._retry_s))

    def note(self, key: object) -> None:
        """Leave ``key`` out until it is due again; said once in a while."""
        name = str(key)
        with self._lock:
            self._retry_s[name] = self._clock_s() + RETRY_S
        self._troubles.begin(
            Trouble.UNREADABLE,
            _camera_of(name),
            f"{name} is left out: something of another type has this name",
            of=self._of(name),
        )
        if times := self._damper.admit(name):
            self._log.warning(
                "%s.left_out key=%s times=%d reason=something of another type has this name: "
                "rename or delete it",
                self._told_as,
                name,
                times,
            )

    def clear(self, key: object) -> None:
        """The key is as it should be, or not there at all."""
        name = str(key)
        if name not in self._retry_s:
            return
        with self._lock:
            self._retry_s.pop(name, None)
        self._troubles.end(Trouble.UNREADABLE, _camera_of(name), of=self._of(name))
        self._log.info("%s.taken_in_again key=%s", self._told_as, name)

    def admits(self, key: object, reply: object) -> bool:
        """Whether the reply to a command about ``key`` can be used; if not, the key is left out.

        Raises:
            redis.RedisError: The reply is an error for any other reason.
        """
        if not isinstance(reply, redis.RedisError):
            self.clear(key)
            return True
        if not is_of_another_type(reply):
            raise reply
        self.note(key)
        return False

    def keep_only(self, keys: Iterable[object]) -> None:
        """Forget those that nobody wants to read any more."""
        for key in {*self.keys}.difference(map(str, keys)):
            self.clear(key)

    def is_due(self, key: object) -> bool:
        """Whether ``key`` is left out, and to be tried again now."""
        at_s = self._retry_s.get(str(key))
        return at_s is not None and self._clock_s() >= at_s

    def _of(self, name: str) -> str:
        return f"{self._told_as} {name}"


def _camera_of(name: str) -> str:
    found = _CAMERA.search(name)
    return found[1] if found else ""
