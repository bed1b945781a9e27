"""Crowds of clients that keep the page waiting: whoever comes next is served all the same."""

from __future__ import annotations

import contextlib
import resource
import socket
from collections import Counter
from collections.abc import Iterator, Sequence

import httpx
import pytest

from tests.support.waiting import PATIENCE_S, wait_until
from tests.support.web import Node, serving
from vision.web.server import WebServer

pytestmark = pytest.mark.integration

_CONNECTIONS = 700
_HALF = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: "
_BODY = b"POST /api/cameras HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\nx"
_WHOLE = b"GET /api/cameras HTTP/1.1\r\nHost: localhost\r\n\r\n"
_EVENTS = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(autouse=True)
def _descriptors() -> Iterator[None]:
    """Both ends of a thousand connections are in this process."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextlib.contextmanager
def _crowd(
    server: WebServer, sent: bytes, count: int, addresses: int
) -> Iterator[Sequence[socket.socket]]:
    """That many connections in turn from these many addresses, which send this and nothing more."""
    with contextlib.ExitStack() as stack:
        crowd = []
        for number in range(count):
            source = f"127.0.1.{1 + number % addresses}"
            client = stack.enter_context(
                socket.create_connection(("127.0.0.1", server.port), PATIENCE_S, (source, 0))
            )
            # One that was cut meanwhile has made way already.
            with contextlib.suppress(ConnectionError):
                client.sendall(sent)
            crowd.append(client)
        yield crowd


def _stream(server: WebServer, source: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S, (source, 0))
    client.sendall(_EVENTS)
    return client


def _get(server: WebServer, path: str, source: str) -> int:
    """The status of an answer on a connection of its own."""
    transport = httpx.HTTPTransport(local_address=source)
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S, transport=transport) as client:
        return client.get(path).status_code


@pytest.mark.parametrize("addresses", [1, 20, 200])
@pytest.mark.parametrize(
    "sent", [b"", _HALF, _BODY, _WHOLE], ids=["nothing", "half a head", "half a body", "idle"]
)
def test_waiting_crowds_lock_out_nobody(sent: bytes, addresses: int) -> None:
    """More connections than there are places: probes and pages are served, also of new clients."""
    node = Node()
    with serving(node) as server, _crowd(server, sent, _CONNECTIONS, addresses):
        paths = ("livez", "readyz", "api/cameras", "") * 3
        of_another = Counter(_get(server, path, "127.0.0.1") for path in paths)
        of_the_same = Counter(_get(server, path, "127.0.1.1") for path in paths)
    assert of_another == {200: 12}
    # Whoever asked for too much is told so, and answered.
    assert of_the_same.keys() <= {200, 429}
    assert of_the_same[200] >= 6


def test_a_viewer_gets_the_place_of_one_of_a_client_with_many() -> None:
    """All places taken by two clients: a third gets one, and so does a fourth; both keep theirs."""
    node = Node()
    with serving(node) as server, _crowd(server, _EVENTS, 100, 2):
        wait_until(lambda: node.feed.viewers == 100, "a full house")
        with _stream(server, "127.0.0.3") as third, _stream(server, "127.0.0.4") as fourth:
            for client in (third, fourth):
                assert client.recv(15) == b"HTTP/1.1 200 OK"
            assert node.feed.viewers == 100
            assert _get(server, "api/events", "127.0.1.1") == 503
            assert third.recv(1)
            assert fourth.recv(1)


def test_viewers_that_read_nothing_are_cut_though_little_is_to_be_told() -> None:
    """A hundred clients with one stream each and no camera: after seconds there is room again."""
    node = Node()
    node.views.clear()
    with serving(node) as server, _stream(server, "127.0.0.3") as reader:
        with _crowd(server, _EVENTS, 99, 99):
            wait_until(lambda: node.feed.viewers == 100, "a full house")
            reader.settimeout(0.01)

            def are_the_mute_gone() -> bool:
                with contextlib.suppress(TimeoutError):
                    while reader.recv(1 << 20):
                        pass
                return node.feed.viewers == 1

            wait_until(are_the_mute_gone, "the end of those that do not read")
        reader.settimeout(PATIENCE_S)
        assert reader.recv(1)
