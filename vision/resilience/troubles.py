"""What a role cannot do at the moment, camera by camera: readiness, page and metrics read it.

Whoever notices a trouble begins it, as often as it is noticed, and ends it once work goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from vision.domain.trouble import Trouble

LOOK_BACK_S = 60.0
"""How long lost messages are told of once messages flow again."""


class ActiveTrouble(NamedTuple):
    """A trouble that holds.

    Attributes:
        trouble: Its kind.
        camera: Whose; empty where it is the whole role's.
        reason: One short sentence that names the camera.
    """

    trouble: Trouble
    camera: str
    reason: str


@dataclass(slots=True)
class _Held:
    reason: str
    begun_s: float
    until_s: float = float("inf")


class Troubles:
    """Begun and ended from any thread; neither waits nor raises. Thread-safe."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._held: dict[tuple[Trouble, str, str], _Held] = {}
        self._known: dict[tuple[Trouble, str], None] = {}

    def begin(self, trouble: Trouble, camera: str, reason: str, *, of: str = "") -> None:
        """Note that it holds, as of now, until :meth:`end` is called.

        ``of`` tells several of one kind and camera apart. ``reason`` is a short sentence; it
        passes redaction where it leaves the process.
        """
        with self._lock:
            self._held[trouble, camera, of] = _Held(reason, self._monotonic_s())
            self._known[trouble, camera] = None

    def end(self, trouble: Trouble, camera: str, *, of: str = "", least_s: float = 0.0) -> None:
        """Note that work goes on; it is told of until ``least_s`` after it was last begun."""
        if (trouble, camera, of) not in self._held:
            return
        with self._lock:
            held = self._held.get((trouble, camera, of))
            if held is not None:
                held.until_s = min(held.until_s, held.begun_s + least_s)

    def note(
        self, trouble: Trouble, camera: str, reason: str, *, of: str = "", lasts_s: float
    ) -> None:
        """Note something that happened and is over: it is told of for ``lasts_s``."""
        self.begin(trouble, camera, reason, of=of)
        self.end(trouble, camera, of=of, least_s=lasts_s)

    def standing(self) -> list[ActiveTrouble]:
        """What holds now, by camera and kind."""
        now_s = self._monotonic_s()
        with self._lock:
            self._held = {key: held for key, held in self._held.items() if held.until_s > now_s}
            held = [ActiveTrouble(key[0], key[1], held.reason) for key, held in self._held.items()]
        return sorted(held, key=lambda one: (one.camera, one.trouble, one.reason))

    def forget(self, camera: str) -> None:
        """Forget a camera that is no more, also that it ever had troubles."""
        with self._lock:
            self._held = {key: held for key, held in self._held.items() if key[1] != camera}
            self._known = {key: None for key in self._known if key[1] != camera}

    def reasons(self, *besides: Trouble) -> tuple[str, ...]:
        """The sentences of what holds now, each once, ``besides`` these kinds."""
        told = [one.reason for one in self.standing() if one.trouble not in besides]
        return tuple(dict.fromkeys(told))

    def reasons_of(self, trouble: Trouble) -> tuple[str, ...]:
        """The sentences of one kind."""
        return tuple(one.reason for one in self.standing() if one.trouble is trouble)

    def gauge(self) -> dict[tuple[str, Trouble], bool]:
        """By camera and kind: whether it holds now, for all that ever held."""
        standing = {(one.camera, one.trouble) for one in self.standing()}
        with self._lock:
            return {
                (camera, trouble): (camera, trouble) in standing for trouble, camera in self._known
            }
