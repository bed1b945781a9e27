"""Grafana behind the stack's nginx."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.support.edge import NOBODY, Edge, basic, needs_nginx, running_edge

pytestmark = [pytest.mark.integration, needs_nginx]


class _Grafana(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked; echoes on what was upgraded."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade") == "websocket":
            self.send_response(HTTPStatus.SWITCHING_PROTOCOLS)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            while received := self.connection.recv(1024):
                self.connection.sendall(received)
            self.close_connection = True
            return
        body = f"{self.path}\n{self.headers}".encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  the names are http.server's

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def _edge_with_grafana(folder: Path) -> Iterator[Edge]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Grafana) as grafana:
        thread = threading.Thread(target=grafana.serve_forever)
        thread.start()
        try:
            with running_edge(
                folder,
                EDGE_PAGE_UPSTREAM=NOBODY,
                EDGE_GRAFANA_UPSTREAM=f"127.0.0.1:{grafana.server_port}",
            ) as edge:
                yield edge
        finally:
            grafana.shutdown()
            thread.join()


def test_grafana_has_its_own_accounts(tmp_path: Path) -> None:
    """It is asked without the token and never told of it; its own logins pass."""
    with _edge_with_grafana(tmp_path) as edge:
        with edge.client() as stranger:
            assert stranger.get("/grafana/d/1?x=2").text.startswith("/grafana/d/1?x=2\n")
        with edge.visitor() as visitor:
            seen = visitor.get("/grafana/", headers={"x-forwarded-for": "192.0.2.1"}).text
            assert edge.token not in seen
            assert "authorization" not in seen.lower()
            assert "192.0.2.1" not in seen
            assert f"Host: localhost:{edge.https_port}" in seen
        with edge.client(basic("viewer", "of-grafana")) as viewer:
            assert basic("viewer", "of-grafana") in viewer.get("/grafana/").text


def test_guessing_at_grafana_is_slow_too(tmp_path: Path) -> None:
    """Its login takes a few attempts, then one a second."""
    with _edge_with_grafana(tmp_path) as edge, edge.client() as stranger:
        codes = [stranger.post("/grafana/login", json={}).status_code for _ in range(30)]
        assert codes.count(HTTPStatus.TOO_MANY_REQUESTS) > 10
        assert stranger.get("/grafana/").status_code == HTTPStatus.OK


def test_a_websocket_passes(tmp_path: Path) -> None:
    """Grafana's live channel is upgraded, and bytes go both ways."""
    with _edge_with_grafana(tmp_path) as edge:
        raw = socket.create_connection(("127.0.0.1", edge.https_port), timeout=10)
        with edge.trust().wrap_socket(raw, server_hostname="localhost") as connection:
            connection.sendall(
                b"GET /grafana/api/live/ws HTTP/1.1\r\nHost: localhost\r\n"
                b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            )
            assert connection.recv(1024).startswith(b"HTTP/1.1 101 ")
            for word in (b"ping", b"pong"):
                connection.sendall(word)
                assert connection.recv(1024) == word
