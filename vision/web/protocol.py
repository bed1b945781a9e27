"""HTTP/1.1 as uvicorn speaks it, for clients that may be slow on purpose.

Everything here that stands on the inside of uvicorn: tests/integration/web/test_protocol.py
fails when that changes.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from vision.web.clients import Client
from vision.web.connections import Connections
from vision.web.send_progress import SendProgress


class HttpConnection(H11Protocol):
    """Knows since when its client has kept us waiting."""

    def __init__(self, connections: Connections, **parts: Any) -> None:
        super().__init__(**parts)
        self._connections = connections
        self._idle_since_s = self._unread_since_s = connections.monotonic_s()
        self._progress = SendProgress(self._idle_since_s)
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

    def pause_writing(self) -> None:
        """The client leaves more unread than we keep for it."""
        self._unread_since_s = self._connections.monotonic_s()
        super().pause_writing()

    def on_response_complete(self) -> None:
        """The next request may come."""
        self._idle_since_s = self._connections.monotonic_s()
        self.is_held_back = False
        super().on_response_complete()

    def waits_since_s(self) -> float | None:
        """Since when it has kept us waiting; None while it is being served."""
        is_between_requests = (
            self.cycle is None  # type: ignore[redundant-expr]  # it is, before the first request
            or self.cycle.response_complete
        )
        if is_between_requests or self.transport.is_closing():
            return self._idle_since_s
        return self._unread_since_s if self.flow.write_paused else None

    def stuck_s(self, now_s: float) -> float:
        """For how long it has taken nothing of what is sent to it."""
        return self._progress.stuck_s(self.transport.get_extra_info("socket"), now_s)

    def abort(self) -> None:
        """Close it now, whatever is still to be sent."""
        self.transport.abort()
