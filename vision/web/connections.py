"""Which connections may be open, and which makes way where there are too many."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from vision.web.clients import Client, prefix_of

# More than a person's browsers open; a browser opens six.
PER_CLIENT = 64
# A household or an office behind one /64 of IPv6.
_PER_PREFIX = 192
MOST = 512
"""Open ones, if the machine has descriptors for them."""
# For those who come while all others are being served: they may be probes. No more than a part.
_RESERVE, _RESERVED_SHARE = 64, 8
# A phone on a bad line needs seconds to take a picture.
_PATIENCE_S = 10.0


class Connection(Protocol):
    """One of them, as :class:`vision.web.protocol.HttpConnection` is."""

    is_held_back: bool
    """Whether its request is refused and made to wait."""

    @property
    def peer(self) -> Client:
        """The other end."""

    def waits_since_s(self) -> float | None:
        """Since when the client has kept us waiting; None while it is being served."""

    def stuck_s(self, now_s: float) -> float:
        """For how long the client has taken nothing of what is sent to it."""

    def abort(self) -> None:
        """Close it now, whatever is still to be sent."""


class Connections:
    """Those that are open, by the prefix they come from. Used on the event loop.

    Where there are too many of an address, of a prefix or of all, the one makes way that has
    kept us waiting longest: for a whole request, for the next one, or to take an answer. Among
    all it is one of the prefix that has most of that sort, so that whoever opens many
    displaces itself. One that is being served never makes way.
    """

    def __init__(
        self,
        monotonic_s: Callable[[], float] = time.monotonic,
        *,
        are_clients_told_apart: bool = True,
        most: int = MOST,
    ) -> None:
        """Allow ``most`` open ones, and fewer of one client unless all come by one proxy."""
        self.monotonic_s = monotonic_s
        self._most = most
        self._reserve = min(_RESERVE, most // _RESERVED_SHARE)
        self._per_client = PER_CLIENT if are_clients_told_apart else most + self._reserve
        self._per_prefix = _PER_PREFIX if are_clients_told_apart else most + self._reserve
        self._open: dict[str, dict[Client, Connection]] = {}
        self._count = 0

    @property
    def are_all_served(self) -> bool:
        """Whether there is no room left but the reserve: whatever is no probe is too much."""
        return self._count > self._most

    def admit(self, connection: Connection) -> bool:
        """Take in a new one if there is room, or one that makes way for it."""
        host, _ = client = connection.peer
        prefix = prefix_of(host)
        if not self._has_room(host, prefix):
            return False
        self._open.setdefault(prefix, {})[client] = connection
        self._count += 1
        return True

    def forget(self, connection: Connection) -> None:
        """It was closed."""
        host, _ = client = connection.peer
        prefix = prefix_of(host)
        siblings = self._open.get(prefix, {})
        if siblings.get(client) is not connection:
            return
        del siblings[client]
        self._count -= 1
        if not siblings:
            del self._open[prefix]

    def hold_back(self, client: Client) -> None:
        """Mark the connection of a request that is made to wait: it may make way for others."""
        if connection := self._open.get(prefix_of(client[0]), {}).get(client):
            connection.is_held_back = True

    def sweep(self) -> None:
        """Cut those on which the client sends or takes nothing; to be called each second."""
        now_s = self.monotonic_s()
        for siblings in list(self._open.values()):
            for connection in list(siblings.values()):
                since_s = connection.waits_since_s()
                waited_s = 0.0 if since_s is None else now_s - since_s
                if max(waited_s, connection.stuck_s(now_s)) > _PATIENCE_S:
                    connection.abort()

    def _has_room(self, host: str, prefix: str) -> bool:
        of_prefix = self._open.get(prefix, {}).values()
        of_address = [one for one in of_prefix if one.peer[0] == host]
        if len(of_address) >= self._per_client:
            return self._cut_one(self._expendable(of_address))
        if len(of_prefix) >= self._per_prefix:
            return self._cut_one(self._expendable(of_prefix))
        if self._count < self._most:
            return True
        crowds = [self._expendable(siblings.values()) for siblings in self._open.values()]
        most = max(map(len, crowds))
        candidates = [one for crowd in crowds if len(crowd) == most for one in crowd]
        return self._cut_one(candidates) or self._count < self._most + self._reserve

    def _cut_one(self, candidates: list[tuple[float, Connection]]) -> bool:
        if not candidates:
            return False
        _, longest = min(candidates, key=lambda candidate: candidate[0])
        # At once: the place is given away before the loop comes to tell that it was closed.
        self.forget(longest)
        longest.abort()
        return True

    def _expendable(self, connections: Iterable[Connection]) -> list[tuple[float, Connection]]:
        """Those that may make way, each with the time since when it keeps us waiting."""
        now_s = self.monotonic_s()
        found = []
        for connection in connections:
            since_s = connection.waits_since_s()
            if since_s is not None:
                found.append((since_s, connection))
            elif connection.is_held_back:
                found.append((now_s, connection))
        return found
