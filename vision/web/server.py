"""The HTTP server of a node: a bound socket, and uvicorn on a thread of the caller's."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from vision.domain.errors import ConfigError
from vision.domain.noop import noop
from vision.web.connections import MOST, Connections
from vision.web.overload import Overload
from vision.web.protocol import HttpConnection
from vision.web.rate import RateLimit

_BACKLOG = 512
# So many are accepted before those that were accepted get their turn to be read: fewer than one
# client may have, so that none makes way before anybody has looked at its request.
_ACCEPTED_AT_ONCE = 16
# What waits in the kernel for a slow client is old by the time it arrives: keep it small.
_SEND_BUFFER_BYTES = 128 * 1024
# Responses under way may end properly for this long; then their connections are cut.
_GRACE_S = 0.3
# uvicorn ticks ten times a second.
_TICKS_PER_SWEEP = 10
REQUESTS_PER_S = 100.0
"""What one client may ask for; a page that shows eight cameras or more asks 41 times."""
_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  names, no bind


class WebServer:
    """Serves one application over HTTP/1.1.

    The socket is bound at once, so that a wrong address stops the start and ``port`` is
    known; requests are answered from :meth:`run` on.

    Args:
        app: The ASGI application.
        host: Address or name to listen on.
        port: Port to listen on; 0 takes a free one.
        on_stop: Called once when the server begins to stop, to end what would run for ever.
        requests_per_s: How often a client, known by its address, may ask.
        is_behind_proxy: Whether all clients come by one proxy, which limits them: one address
            then stands for many, and has no limits here.
        most_connections: How many may be open, but for a few more for probes.
        monotonic_s: The clock by which clients are too slow or too fast.

    Raises:
        ConfigError: The address cannot be listened on.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        on_stop: Callable[[], None] = noop,
        requests_per_s: float = REQUESTS_PER_S,
        is_behind_proxy: bool = False,
        most_connections: int = MOST,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = host
        self._socket = _listen(host, port)
        self._port: int = self._socket.getsockname()[1]
        connections = Connections(
            monotonic_s, are_clients_told_apart=not is_behind_proxy, most=most_connections
        )
        app = Overload(app, lambda: connections.are_all_served)
        if not is_behind_proxy:
            app = RateLimit(app, requests_per_s, connections.hold_back, monotonic_s)
        self._server = _QuietServer(
            uvicorn.Config(
                app,
                # uvicorn calls it with keywords, once per connection.
                http=cast("type[asyncio.Protocol]", partial(HttpConnection, connections)),
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                # What is wrong with a client is not worth a line for each of its requests.
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=_ACCEPTED_AT_ONCE,
            ),
            connections,
            on_stop,
        )
        self._lock = threading.Lock()
        self._running = False
        self._stopped = False

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._port

    @property
    def url(self) -> str:
        """Address of the live page as seen from this machine."""
        host = _UNSPECIFIED.get(self._host, self._host)
        return f"http://[{host}]:{self._port}/" if ":" in host else f"http://{host}:{self._port}/"

    def run(self) -> None:
        """Answer requests until :meth:`stop`; installs no signal handlers."""
        with self._lock:
            if self._stopped:
                return
            self._running = True
        with self._socket:
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Make :meth:`run` return within a second; callable from any thread, safe to repeat."""
        with self._lock:
            self._stopped = True
            self._server.should_exit = True
            if not self._running:
                self._socket.close()


class _QuietServer(uvicorn.Server):
    """A uvicorn server that leaves signals alone and does not wait for endless responses."""

    def __init__(
        self, config: uvicorn.Config, connections: Connections, on_stop: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._connections = connections
        self._on_stop = on_stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            # asyncio has one number for how many wait in the kernel and are accepted at once.
            listener.listen(_BACKLOG)

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_PER_SWEEP == 0:
            self._connections.sweep()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stop()
        asyncio.get_running_loop().call_later(_GRACE_S, self._cut_connections)
        await super().shutdown(sockets)

    def _cut_connections(self) -> None:
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = _reason(error, host, port)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        # Connections inherit it. asyncio sets it only where a socket names its protocol, and
        # without it the body of an answer waits 40 ms for the client to acknowledge the head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    raise ConfigError(reason)


def _reason(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"web.port {port} is in use: stop the program that uses it or choose another "
                "port (0 takes a free one)"
            )
        case errno.EACCES | errno.EPERM:
            return f"web.port {port} is not allowed for this user: choose one from 1024"
        case _:
            text = error.strerror or str(error)
            return (
                f"web.host {host} cannot be listened on ({text}): name an address of this machine"
            )
