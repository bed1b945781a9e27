"""Looks names up without waiting for whom the system's resolver waits for.

``getaddrinfo`` can hang for half a minute and cannot be interrupted. In the event loop's own pool
of threads it would keep others from theirs, and the program from ending. Here each name has at
most one thread at a time, which nobody waits for at the end; an answer that came too late serves
the next question.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

Lookup: TypeAlias = Callable[[str, int], list[str]]
_KEPT_S = 30.0
_MOST_ADDRESSES = 4


def system_lookup(host: str, port: int) -> list[str]:
    """Addresses by the system's resolver; OSError if there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Resolver:
    """Addresses of hosts; used within one event loop."""

    def __init__(
        self, lookup: Lookup = system_lookup, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        """``lookup`` blocks; it is called in threads of its own."""
        self._lookup = lookup
        self._clock_s = clock_s
        self._pending: dict[tuple[str, int], asyncio.Future[list[str]]] = {}
        self._known: dict[tuple[str, int], tuple[float, list[str]]] = {}

    async def addresses(self, host: str, port: int) -> list[str]:
        """Some addresses of ``host``, the best first.

        Raises:
            OSError: It has none, or the resolver does not answer.
        """
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        at = host, port
        known_at_s, known = self._known.get(at, (0.0, []))
        if known and self._clock_s() - known_at_s < _KEPT_S:
            return known
        # Others may wait for the same answer, and so may the next question.
        answer = self._pending.get(at) or self._start(at)
        return await asyncio.shield(answer)

    def _start(self, at: tuple[str, int]) -> asyncio.Future[list[str]]:
        loop = asyncio.get_running_loop()
        answer = self._pending[at] = loop.create_future()

        def finish(found: list[str] | None) -> None:
            self._pending.pop(at, None)
            if found:
                self._known[at] = self._clock_s(), found
                answer.set_result(found)
            else:
                answer.set_exception(OSError("no address"))
                # Whoever asked may have left.
                answer.exception()

        asking = threading.Thread(
            target=_look_up, args=(self._lookup, at, loop, finish), name="resolver", daemon=True
        )
        try:
            asking.start()
        except RuntimeError:
            # The machine has no thread left.
            finish(None)
        return answer


def _look_up(
    lookup: Lookup,
    at: tuple[str, int],
    loop: asyncio.AbstractEventLoop,
    finish: Callable[[list[str] | None], Any],
) -> None:
    try:
        found = lookup(*at)[:_MOST_ADDRESSES]
    except (OSError, UnicodeError):
        found = None
    try:
        loop.call_soon_threadsafe(finish, found)
    except RuntimeError:
        # The loop has ended meanwhile: nobody waits any more.
        return
