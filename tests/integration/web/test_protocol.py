"""What vision.web.protocol takes for granted of uvicorn: fails when its inside changes."""

from __future__ import annotations

import inspect
import socket
import threading
from asyncio import selector_events
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from tests.support.waiting import wait_until
from vision.web import server as server_module
from vision.web.connections import PER_CLIENT
from vision.web.protocol import HttpConnection
from vision.web.server import WebServer

pytestmark = pytest.mark.integration

_PATIENCE_S = 30.0


@contextmanager
def _asked(app: Starlette, sent: bytes) -> Iterator[tuple[socket.socket, HttpConnection]]:
    """A client that sent this, and the server's side of its connection."""
    server = WebServer(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), _PATIENCE_S) as client:
            client.sendall(sent)
            inside = server._server.server_state.connections
            wait_until(lambda: len(inside) == 1, "the connection")
            (connection,) = inside
            assert isinstance(connection, HttpConnection)
            yield client, connection
    finally:
        server.stop()
        thread.join(_PATIENCE_S)


def test_what_is_overridden_is_there() -> None:
    """The methods are still called so, with what they are given here."""
    for name in ("connection_made", "connection_lost", "pause_writing", "on_response_complete"):
        ours, theirs = getattr(HttpConnection, name), getattr(H11Protocol, name)
        assert ours is not theirs
        assert list(inspect.signature(ours).parameters) == list(
            inspect.signature(theirs).parameters
        )
    assert "response_complete" in inspect.getsource(RequestResponseCycle.__init__)


def test_a_connection_waits_before_and_after_a_request_and_not_during_it() -> None:
    """Also while a body is still to come that nobody asked for."""
    may_answer = threading.Event()

    def answer(_request: Request) -> Response:
        may_answer.wait(_PATIENCE_S)
        return Response("done")

    app = Starlette(routes=[Route("/", answer)])
    with _asked(app, b"GET / HTTP/1.1\r\n") as (client, connection):
        first_s = connection.waits_since_s()
        assert first_s is not None
        assert connection.peer == client.getsockname()
        client.sendall(b"Host: localhost\r\n\r\n")
        wait_until(lambda: connection.waits_since_s() is None, "the request")
        may_answer.set()
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        wait_until(lambda: connection.waits_since_s() is not None, "its end")
        second_s = connection.waits_since_s()
        assert second_s is not None
        assert second_s > first_s
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\nx")
        assert client.recv(4096).startswith(b"HTTP/1.1 405")
        wait_until(lambda: connection.waits_since_s() not in {None, second_s}, "the refusal")
        third_s = connection.waits_since_s()
        client.sendall(b"x" * 100)
        assert connection.waits_since_s() == third_s


def test_a_connection_waits_while_its_client_leaves_too_much_unread() -> None:
    """And no longer once it reads."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield b"x" * 65_536

    app = Starlette(routes=[Route("/", lambda _: StreamingResponse(chunks()))])
    with _asked(app, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") as (client, connection):
        wait_until(lambda: connection.flow.write_paused, "a full buffer")
        assert connection.waits_since_s() is not None
        taken = 0
        while taken < 400 * 65_536:
            taken += len(client.recv(1 << 20))
        wait_until(lambda: not connection.flow.write_paused, "room again")


def test_few_are_accepted_before_they_are_read_and_many_wait_in_the_kernel() -> None:
    """Two numbers where asyncio has one."""
    with _asked(Starlette(), b"") as (_, connection):
        assert connection.config.backlog == server_module._ACCEPTED_AT_ONCE
    assert server_module._ACCEPTED_AT_ONCE < PER_CLIENT
    source = inspect.getsource(selector_events.BaseSelectorEventLoop._accept_connection)  # type: ignore[attr-defined]  # the inside of asyncio
    assert "for _ in range(backlog)" in source
