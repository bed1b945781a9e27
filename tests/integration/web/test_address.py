"""Where the live page listens, and what is told of an address that will not do."""

from __future__ import annotations

import threading

import httpx
import pytest

from tests.support.web import Node
from vision.domain.errors import ConfigError
from vision.web.server import WebServer

pytestmark = pytest.mark.integration

_PATIENCE_S = 30.0


def test_stop_before_and_after_run() -> None:
    """A server that is stopped before it runs frees its port and runs no more."""
    server = WebServer(Node().app(), "127.0.0.1", 0)
    server.stop()
    server.stop()
    server.run()
    again = WebServer(Node().app(), "127.0.0.1", server.port)
    again.stop()


def test_port_in_use() -> None:
    """A port that is taken is refused in one line that names the setting."""
    server = WebServer(Node().app(), "127.0.0.1", 0)
    try:
        with pytest.raises(ConfigError, match=rf"^web\.port {server.port} is in use: [^\n]+$"):
            WebServer(Node().app(), "127.0.0.1", server.port)
    finally:
        server.stop()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_foreign_address(host: str) -> None:
    """An address that is not this machine's is refused in one line that names the setting."""
    with pytest.raises(ConfigError, match=rf"^web\.host {host} cannot be listened on \([^\n]+$"):
        WebServer(Node().app(), host, 0)


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:{}/"), ("0.0.0.0", "http://127.0.0.1:{}/")]
)
def test_url(host: str, url: str) -> None:
    """The address that is shown can be opened in a browser on this machine."""
    server = WebServer(Node().app(), host, 0)
    server.stop()
    assert server.url == url.format(server.port)


def test_ipv6() -> None:
    """The server listens on IPv6 addresses as well."""
    node = Node()
    try:
        server = WebServer(node.app(host="::1"), "::1", 0)
    except ConfigError:
        pytest.skip("this machine has no IPv6 loopback address")
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.url == f"http://[::1]:{server.port}/"
        assert httpx.get(f"{server.url}livez", timeout=_PATIENCE_S).text == "ok\n"
    finally:
        server.stop()
        thread.join(_PATIENCE_S)
