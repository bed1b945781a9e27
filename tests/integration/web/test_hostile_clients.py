"""Clients that ask too much, send too slowly or take nothing harm nobody but themselves."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.web import Node, serving, status, wait_until
from vision.web.server import WebServer

pytestmark = pytest.mark.integration

_PATIENCE_S = 30.0


class _Clock:
    """The time of this machine, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


@contextlib.contextmanager
def _client(server: WebServer, sent: bytes) -> Iterator[socket.socket]:
    """A client that sends these bytes, and nothing more."""
    with socket.create_connection(("127.0.0.1", server.port), _PATIENCE_S) as client:
        client.sendall(sent)
        yield client


def _is_cut(client: socket.socket) -> bool:
    """Whether the server has closed the connection, whatever it sent before."""
    client.settimeout(0)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


def test_a_flood_is_refused_and_probes_are_answered() -> None:
    """Of many requests at once most get 429; in the midst of them the probes are answered."""
    node = Node()
    # A clock that stands: however slow the machine, all of them come at once.
    with (
        serving(node, lambda: 0.0) as server,
        httpx.Client(base_url=server.url, timeout=_PATIENCE_S) as client,
    ):

        def ask(_number: int) -> int:
            return client.get("api/cameras").status_code

        with ThreadPoolExecutor(40) as pool:
            flood = pool.map(ask, range(600))
            probes = [httpx.get(f"{server.url}livez", timeout=_PATIENCE_S) for _ in range(5)]
            probes.append(httpx.get(f"{server.url}readyz", timeout=_PATIENCE_S))
            answers = Counter(flood)
    assert [probe.status_code for probe in probes] == [200] * 6
    assert answers == {200: 200, 429: 400}


def test_behind_a_proxy_one_address_stands_for_many() -> None:
    """The proxy limits each of its clients; their sum is not limited once more."""
    node = Node()
    with (
        serving(node, is_behind_proxy=True) as server,
        contextlib.ExitStack() as stack,
        httpx.Client(base_url=server.url, timeout=_PATIENCE_S) as client,
    ):
        waiting = [stack.enter_context(_client(server, b"")) for _ in range(100)]
        answers = Counter(client.get("api/cameras").status_code for _ in range(300))
        assert not any(map(_is_cut, waiting))
    assert answers == {200: 300}


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"GET / HTTP"],
    ids=["nothing", "half a head", "half a line"],
)
def test_slow_clients_do_not_lock_out_the_next(sent: bytes) -> None:
    """More connections than a client may have, all silent: the oldest make way for the newest."""
    node = Node()
    with serving(node) as server, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(_client(server, sent)) for _ in range(200)]
        answer = httpx.get(f"{server.url}livez", timeout=_PATIENCE_S)
        assert answer.status_code == 200
        assert wait_until(lambda: sum(map(_is_cut, slow)) >= 136)
        assert not _is_cut(slow[-1])


def test_whoever_sends_no_request_is_cut() -> None:
    """Ten seconds after the last request a connection is closed, though bytes trickle in."""
    clock = _Clock()
    with (
        serving(Node(), clock) as server,
        _client(server, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /") as client,
    ):
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        wait_until(lambda: False, 1.5)
        client.sendall(b"livez")
        assert not _is_cut(client)
        clock.ahead_s = 11
        assert wait_until(lambda: _is_cut(client))


def test_whoever_takes_nothing_is_cut() -> None:
    """A viewer that reads nothing loses its stream; one that reads keeps it."""
    clock = _Clock()
    node = Node()
    request = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with (
        serving(node, clock) as server,
        _client(server, request) as mute,
        _client(server, request) as reader,
    ):
        assert wait_until(lambda: node.feed.viewers == 2)
        reader.settimeout(0.01)

        def one_is_left() -> bool:
            # More than all buffers on the way hold, over the seconds that this takes.
            for _ in range(40):
                node.feed.on_status(b'"%b"' % (b"x" * 20_000))
            with contextlib.suppress(TimeoutError):
                while reader.recv(1 << 20):
                    pass
            clock.ahead_s += 0.2
            return node.feed.viewers == 1

        assert wait_until(one_is_left)
        assert wait_until(lambda: _is_cut(mute))
        node.feed.on_status(status())
        reader.settimeout(_PATIENCE_S)
        assert reader.recv(4096)


def test_a_client_with_too_many_streams_gets_no_more() -> None:
    """Sixty-four of one client may be served at a time; what comes on top is closed at once."""
    node = Node()
    request = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serving(node) as server, contextlib.ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(_client(server, request))
        assert wait_until(lambda: node.feed.viewers == 64)
        one_more = stack.enter_context(_client(server, b""))
        assert wait_until(lambda: _is_cut(one_more))
        assert node.feed.viewers == 64
