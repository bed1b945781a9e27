"""Whoever guesses at the token is slowed down, in whatever form the guesses come."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from tests.support.edge import Edge, basic, needs_nginx
from tests.support.programs import require_program
from tests.support.waiting import PATIENCE_S
from tests.support.web import Node, serving

pytestmark = [pytest.mark.integration, needs_nginx]

_REFUSED, _MOST_GUESSES = 10, 300
_METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "PROPFIND",
    "GUESS-TOKEN",
    "X_Y",
    "A" * 200,
)
_PATHS = (
    "/",
    "//",
    "/api//cameras",
    "/%2e/api/cameras",
    "/livez/..",
    "/livez/",
    "/livez%0a",
    "/livez.",
    "/livez;x",
    "/x%0a/livez",
    "/grafana%0a",
    "/grafana/..%2f",
    "/Grafana/",
    "/_token%0a",
    "/api/cameras?token=wrong",
)


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    """An edge before a page that has the same token, and no Grafana."""
    edge = Edge(tmp_path)
    with (
        serving(Node(), token=edge.token) as page,
        edge.running({"EDGE_PAGE_UPSTREAM": f"127.0.0.1:{page.port}"}),
    ):
        yield edge


def _assert_slow(ask: Callable[[int], int]) -> None:
    """Ten guesses at once and one a second after that; a slow machine may need more to see it."""
    answers = Counter[int]()
    for number in range(_MOST_GUESSES):
        answers[ask(number)] += 1
        if answers[HTTPStatus.TOO_MANY_REQUESTS] == _REFUSED:
            break
    assert answers[HTTPStatus.TOO_MANY_REQUESTS] == _REFUSED, answers
    assert answers[HTTPStatus.OK] == 0, answers


def _asking(
    client: httpx.Client, request: Callable[[int], tuple[str, str]]
) -> Callable[[int], int]:
    return lambda number: client.request(*request(number)).status_code


@pytest.mark.parametrize("method", _METHODS)
def test_with_any_method(edge: Edge, method: str) -> None:
    """Also with one that nobody knows."""
    with edge.client("Bearer wrong") as stranger, edge.visitor() as visitor:
        _assert_slow(_asking(stranger, lambda _: (method, "/api/cameras")))
        assert visitor.get("/api/cameras").status_code == HTTPStatus.OK


@pytest.mark.parametrize("path", _PATHS)
def test_at_any_path(edge: Edge, path: str) -> None:
    """However it is written, and all of them together."""
    with edge.client("Bearer wrong") as stranger:
        _assert_slow(_asking(stranger, lambda _: ("GET", path)))


def test_with_all_methods_and_paths_in_turn(edge: Edge) -> None:
    """They are the guesses of one client."""
    with edge.client("Bearer wrong") as stranger:
        _assert_slow(
            _asking(stranger, lambda n: (_METHODS[n % len(_METHODS)], _PATHS[n % len(_PATHS)]))
        )


@pytest.mark.parametrize("form", ["none", "basic", "cookie", "query", "upgrade"])
def test_in_any_place(edge: Edge, form: str) -> None:
    """The token counts in its header alone; anywhere else it is a guess, and never let in."""
    headers = {
        "none": [],
        "basic": [("authorization", basic("me", "wrong"))],
        "cookie": [("cookie", f"web_token={edge.token}")],
        "query": [],
        "upgrade": [
            ("authorization", "Bearer wrong"),
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
        ],
    }[form]
    path = f"/api/cameras?token={edge.token}" if form == "query" else "/api/cameras"
    with edge.client() as stranger:
        _assert_slow(lambda _: stranger.get(path, headers=headers).status_code)


def _raw(edge: Edge, context: ssl.SSLContext, request: bytes) -> int:
    with (
        socket.create_connection(("127.0.0.1", edge.https_port), PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(request)
        answer = connection.recv(4096)
        return int(answer.split()[1]) if answer.startswith(b"HTTP/") else 0


@pytest.mark.parametrize(
    "line", ["GET /api/cameras HTTP/1.0", "guess /api/cameras HTTP/1.1", "TRACE / HTTP/1.1"]
)
def test_in_any_version(edge: Edge, line: str) -> None:
    """A request of HTTP/1.0 is a guess as any other; what nginx refuses itself tells nothing."""
    request = f"{line}\r\nHost: localhost\r\nAuthorization: Bearer {{}}\r\n\r\n"
    context = edge.trust()
    wrong, right = (request.format(token).encode() for token in ("wrong", edge.token))
    if "1.0" in line:
        _assert_slow(lambda _: _raw(edge, context, wrong))
        return
    told = _raw(edge, context, right)
    assert _raw(edge, context, wrong) == told
    assert told in {HTTPStatus.BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED}


def test_over_http_2(edge: Edge) -> None:
    """Its methods are read by other code of nginx."""
    curl = require_program("curl")
    url = f"https://localhost:{edge.https_port}/livez%0a"
    words = ["--http2", "-k", "-s", "-X", "GUESS-TOKEN", "-H", "Authorization: Bearer wrong"]
    command = [curl, *words, "-o", "/dev/null", "-w", "%{http_version} %{http_code}", url]

    def ask(_number: int) -> int:
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        version, code = answer.split()
        assert version == "2"
        return int(code)

    _assert_slow(ask)


def test_addresses_of_one_ipv6_network_share_their_guesses(tmp_path: Path) -> None:
    """Whoever has a /64 has a new address for each guess. The next network has its own."""
    edge = Edge(tmp_path)
    assert edge.command("true").returncode == 0
    with (
        serving(Node(), token=edge.token) as page,
        edge.running(
            {"EDGE_PAGE_UPSTREAM": f"127.0.0.1:{page.port}"},
            # Addresses that this machine has not, as a proxy would tell them.
            more="set_real_ip_from 127.0.0.1; real_ip_header X-Test-Address;",
        ),
        edge.client("Bearer wrong") as stranger,
    ):

        def ask(address: str) -> int:
            return stranger.get("/", headers={"x-test-address": address}).status_code

        _assert_slow(lambda number: ask(f"2001:db8::{number:x}"))
        assert ask("2001:db8:0:1::1") == HTTPStatus.UNAUTHORIZED
        assert ask("192.0.2.1") == HTTPStatus.UNAUTHORIZED
        assert ask("192.0.2.2") == HTTPStatus.UNAUTHORIZED
