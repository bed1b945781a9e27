"""What a client may hold open: so many connections, and none on which it keeps us waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

# More than a person's browsers open; a browser opens six.
PER_CLIENT = 64
# A phone on a bad line needs seconds to take a picture.
_PATIENCE_S = 10.0

Client = tuple[str, int]
"""Address and port of the other end."""


class Connections:
    """Those that are open, by the address they come from. Used on the event loop."""

    def __init__(
        self, monotonic_s: Callable[[], float] = time.monotonic, per_client: int = PER_CLIENT
    ) -> None:
        """Allow ``per_client`` open ones from one address."""
        self._monotonic_s = monotonic_s
        self._per_client = per_client
        self._open: dict[str, dict[Client, Connection]] = {}

    def admit(self, connection: Connection) -> bool:
        """Take in a new one; where its client has too many, one that waits makes way.

        So a client that opens and opens shuts out neither others nor its own next request.
        """
        host, _ = client = connection.peer
        siblings = self._open.setdefault(host, {})
        if len(siblings) >= self._per_client:
            idle = next((other for other in siblings.values() if other.is_expendable), None)
            if idle is None:
                return False
            del siblings[idle.peer]
            idle.abort()
        siblings[client] = connection
        return True

    def forget(self, connection: Connection) -> None:
        """It was closed."""
        host, _ = client = connection.peer
        siblings = self._open.get(host, {})
        if siblings.get(client) is connection:
            del siblings[client]
        if not siblings:
            self._open.pop(host, None)

    def hold_back(self, client: Client) -> None:
        """Mark the connection of a request that is made to wait: it may make way for others."""
        if connection := self._open.get(client[0], {}).get(client):
            connection.is_held_back = True

    def sweep(self) -> None:
        """Cut those on which the client sends or takes nothing; to be called each second."""
        now_s = self._monotonic_s()
        for siblings in list(self._open.values()):
            for connection in list(siblings.values()):
                if connection.waits_s(now_s) > _PATIENCE_S:
                    connection.abort()


class Connection(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, for clients that may be slow on purpose."""

    def __init__(self, connections: Connections, **parts: Any) -> None:
        super().__init__(**parts)
        self._connections = connections
        self._waits_since_s: float | None = None
        self.peer: Client = ("", id(self))
        self.is_held_back = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Take it in, or close it at once."""
        super().connection_made(transport)
        if self.client is not None:
            self.peer = self.client
        if not self._connections.admit(self):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Free its place."""
        self._connections.forget(self)
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        """The client has taken what waited for it."""
        super().resume_writing()
        self._waits_since_s = None

    def on_response_complete(self) -> None:
        """The next request may come."""
        self._waits_since_s = None
        self.is_held_back = False
        super().on_response_complete()

    @property
    def is_expendable(self) -> bool:
        """Whether nobody is being served on it."""
        return self.is_held_back or self._waits

    def waits_s(self, now_s: float) -> float:
        """For how long the client has let us wait: for a request, or to take an answer."""
        if not self._waits:
            self._waits_since_s = None
            return 0.0
        if self._waits_since_s is None:
            # From when it was first seen on: a second more or less.
            self._waits_since_s = now_s
        return now_s - self._waits_since_s

    def abort(self) -> None:
        """Close it now, whatever is still to be sent."""
        self.transport.abort()

    @property
    def _waits(self) -> bool:
        is_between_requests = (
            self.cycle is None  # type: ignore[redundant-expr]  # it is, before the first request
            or self.cycle.response_complete
        )
        return is_between_requests or self.flow.write_paused or self.transport.is_closing()
