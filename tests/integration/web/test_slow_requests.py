"""Requests that come in drops, all at once or by half, on the page's port and on that of metrics."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import httpx
import pytest

from tests.support.waiting import PATIENCE_S, wait_until
from tests.support.web import Node, serving
from vision.web.metrics_app import create_metrics_app
from vision.web.server import WebServer

pytestmark = pytest.mark.integration

_CONNECTIONS, _ADDRESSES = 600, 40
_EMPTY = b"\r\n\r\n"
_LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost"
_POST = b"POST /livez HTTP/1.1\r\nHost: localhost\r\n"
# The beginning of a ClientHello of TLS 1.2: 512 bytes are to come.
_HELLO = bytes.fromhex("1603010200010001fc0303")


class Habit(NamedTuple):
    """What a client sends first, and then in drops; whether it says that it sends no more."""

    first: bytes
    drop: bytes = b""
    is_half_closed: bool = False


_HABITS = {
    "a head in drops": Habit(_LIVEZ + b"\r\nX: ", b"a"),
    "a line in drops": Habit(b"GET /", b"a"),
    "blank lines in drops": Habit(b"", b"\r\n"),
    "a body in drops": Habit(_POST + b"Content-Length: 99999" + _EMPTY, b"a"),
    "chunks in drops": Habit(_POST + b"Transfer-Encoding: chunked" + _EMPTY, b"1\r\na\r\n"),
    "a body that is waited for": Habit(
        _POST + b"Expect: 100-continue\r\nContent-Length: 99999" + _EMPTY, b"a"
    ),
    "pipelined": Habit((_LIVEZ + _EMPTY) * 200),
    "pipelined behind what takes time": Habit(
        b"GET /api/events HTTP/1.1\r\nHost: localhost" + _EMPTY, _LIVEZ + _EMPTY
    ),
    "half-closed in a head": Habit(_LIVEZ, is_half_closed=True),
    "half-closed after a request": Habit(_LIVEZ + _EMPTY, is_half_closed=True),
    "half-closed before anything": Habit(b"", is_half_closed=True),
    "a handshake that is not completed": Habit(_HELLO + os.urandom(200)),
    "a handshake in drops": Habit(_HELLO[:5], b"\x01"),
    "HTTP/2": Habit(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0"),
}


@pytest.fixture(autouse=True)
def _descriptors() -> Iterator[None]:
    """Both ends of all connections are in this process."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def _metrics_port() -> Iterator[WebServer]:
    """What Prometheus asks, as every role has it."""
    app = create_metrics_app(lambda: (b"vision_up 1\n", "text/plain"), host="127.0.0.1")
    server = WebServer(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@contextmanager
def _page_port() -> Iterator[WebServer]:
    with serving(Node()) as server:
        yield server


def _opened(server: WebServer, habit: Habit, number: int) -> socket.socket:
    source = f"127.0.1.{1 + number % _ADDRESSES}"
    client = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S, (source, 0))
    # One that was cut meanwhile has made way already.
    with contextlib.suppress(OSError):
        client.sendall(habit.first)
        if habit.is_half_closed:
            client.shutdown(socket.SHUT_WR)
    return client


def _drip(clients: Sequence[socket.socket], drop: bytes, over: threading.Event) -> None:
    """As fast as it goes round, whether the server takes it or not."""
    for client in clients:
        client.settimeout(0)
    while not over.wait(0.05):
        for client in clients:
            with contextlib.suppress(OSError):
                client.send(drop)


def _is_cut(client: socket.socket) -> bool:
    """Whether the server has closed the connection, whatever it sent before."""
    client.settimeout(0)
    try:
        while client.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def _crowd(server: WebServer, habit: Habit) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(_opened(server, habit, number)) for number in range(_CONNECTIONS)
        ]
        over = threading.Event()
        dripping = threading.Thread(target=_drip, args=(clients, habit.drop, over))
        if habit.drop:
            dripping.start()
            stack.callback(dripping.join)
            stack.callback(over.set)
        yield


@pytest.mark.parametrize("port", [_page_port, _metrics_port], ids=["page", "metrics"])
@pytest.mark.parametrize("habit", _HABITS.values(), ids=_HABITS)
def test_whoever_asks_properly_is_answered(
    port: Callable[[], contextlib.AbstractContextManager[WebServer]],
    habit: Habit,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """More such clients than there are places; none of it is worth a line in the log."""
    with caplog.at_level(logging.WARNING), port() as server, _crowd(server, habit):
        for _ in range(3):
            for path in ("livez", "metrics"):
                answer = httpx.get(f"{server.url}{path}", timeout=PATIENCE_S)
                assert answer.status_code == 200, path
    assert not [one for one in caplog.records if one.name.startswith(("uvicorn", "asyncio"))]


@pytest.mark.parametrize("name", [name for name in _HABITS if not name.startswith("pipelined")])
def test_it_is_cut_after_ten_seconds_though_drops_come(name: str) -> None:
    """Or before, where it is no request."""
    ahead_s = 0.0
    habit = _HABITS[name]

    def clock() -> float:
        return time.monotonic() + ahead_s

    with serving(Node(), clock) as server, _opened(server, habit, 0) as client:
        over = threading.Event()
        dripping = threading.Thread(target=_drip, args=([client], habit.drop, over))
        dripping.start()
        try:
            ahead_s = 11
            wait_until(lambda: _is_cut(client), "the end of the connection")
        finally:
            over.set()
            dripping.join()
