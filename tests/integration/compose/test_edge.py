"""The real nginx with the stack's configuration, before a real live page."""

from __future__ import annotations

import base64
import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from tests.support.edge import NGINX, START, Edge, running_edge
from tests.support.programs import require_program
from tests.support.web import Node, inferring, serving
from vision.web.access import SECURITY_HEADERS

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt install nginx-light"),
]
# Nobody listens on the discard port.
NOBODY = "127.0.0.1:9"


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    """An edge before a page that has the same token."""
    node, edge = Node(), Edge(tmp_path)
    with (
        inferring(node),
        serving(node, token=edge.token) as page,
        edge.running({"EDGE_PAGE_UPSTREAM": f"127.0.0.1:{page.port}"}),
    ):
        yield edge


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def test_who_has_the_token_sees_the_page_and_its_api(edge: Edge) -> None:
    """Page, API, picture and metrics come through."""
    with edge.visitor() as visitor:
        assert "Ariia Vision" in visitor.get("/").text
        assert visitor.get("/api/cameras").json()["cameras"][0]["name"] == "front"
        picture = visitor.get("/api/cameras/front/snapshot.jpg?boxes=1")
        assert picture.headers["content-type"] == "image/jpeg"
        assert picture.content.startswith(b"\xff\xd8")
        assert "vision_up 1" in visitor.get("/metrics").text


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "anna", "somebody else"])
def test_a_browser_may_use_any_name_with_the_token(edge: Edge, user: str) -> None:
    """Basic authentication as the page itself takes it, whatever the length of the name."""
    with edge.client(_basic(user, edge.token)) as browser:
        assert browser.get("/api/cameras").status_code == HTTPStatus.OK
    with edge.client(_basic(user, edge.token[:-1])) as browser:
        assert browser.get("/api/cameras").status_code == HTTPStatus.UNAUTHORIZED


def test_without_the_token_nothing_reaches_the_page(edge: Edge) -> None:
    """No token, a wrong one, a part of it and one with more behind it are refused, with a prompt."""
    wrong = [None, "Bearer no", f"Bearer {edge.token[:-1]}", f"Bearer {edge.token}x", edge.token]
    for authorization in wrong:
        with edge.client(authorization) as stranger:
            refused = stranger.get("/api/cameras")
        assert refused.status_code == HTTPStatus.UNAUTHORIZED, authorization
        assert refused.headers["www-authenticate"].startswith("Basic ")
        assert "token is needed" in refused.text
        assert "front" not in refused.text


def test_whether_the_page_lives_needs_no_token(edge: Edge) -> None:
    """As at the page itself."""
    with edge.client() as stranger:
        assert stranger.get("/livez").text == "ok\n"


def test_events_come_as_they_happen(edge: Edge) -> None:
    """Nothing is held back until a buffer is full: several small events arrive one by one."""
    with edge.visitor() as visitor, visitor.stream("GET", "/api/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        chunks = response.iter_raw()
        seen = [next(chunks) for _ in range(10)]
    assert b": live" in seen[0]
    assert sum(chunk.count(b"event: ") for chunk in seen) < 40


def test_plain_http_is_sent_to_https(edge: Edge) -> None:
    """With the path and the query, and nothing but that."""
    answer = httpx.get(f"http://localhost:{edge.http_port}/api/cameras?x=1")
    assert answer.status_code == HTTPStatus.MOVED_PERMANENTLY
    assert answer.headers["location"] == f"https://localhost:{edge.https_port}/api/cameras?x=1"


@pytest.mark.parametrize(
    ("path", "token"), [("/", True), ("/", False), ("/grafana/", False), ("/livez", False)]
)
def test_every_answer_is_secured(edge: Edge, path: str, token: bool) -> None:  # noqa: FBT001  a case
    """HSTS and the other headers stand once on each answer, the version of nginx on none."""
    with edge.visitor() if token else edge.client() as client:
        answer = client.get(path)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    for name in ("x-content-type-options", "referrer-policy", "content-security-policy"):
        assert len(answer.headers.get_list(name)) == 1, name
    if path == "/" and token:
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers.get_list(name) == [value]
    assert answer.headers["server"] == "nginx"
    assert "nginx/" not in answer.text


def _handshake(edge: Edge, version: ssl.TLSVersion, ciphers: str | None = None) -> ssl.SSLSocket:
    context = edge.trust()
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    if ciphers is not None:
        context.set_ciphers(ciphers)
    raw = socket.create_connection(("127.0.0.1", edge.https_port), timeout=10)
    try:
        return context.wrap_socket(raw, server_hostname="localhost")
    except BaseException:
        raw.close()
        raise


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_is_modern(edge: Edge, version: ssl.TLSVersion) -> None:
    """1.2 and 1.3 with forward secrecy, and HTTP/2 over it."""
    with _handshake(edge, version) as connection:
        cipher = connection.cipher()
        assert cipher is not None
        assert cipher[0].startswith(("ECDHE-", "TLS_"))
        assert connection.selected_alpn_protocol() == "h2"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_refused(edge: Edge) -> None:
    """Neither TLS 1.1 nor a cipher without forward secrecy or with CBC."""
    with pytest.raises((ssl.SSLError, OSError)):
        _handshake(edge, ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0")
    for ciphers in ("AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA"):
        with pytest.raises((ssl.SSLError, OSError)):
            _handshake(edge, ssl.TLSVersion.TLSv1_2, ciphers)


def test_a_flood_is_answered_with_429_and_ends(tmp_path: Path) -> None:
    """Past its allowance a client gets 429 with the time to wait, and then is served again."""
    node, edge = Node(), Edge(tmp_path)
    with (
        serving(node, token=edge.token) as page,
        edge.running({"EDGE_PAGE_UPSTREAM": f"127.0.0.1:{page.port}", "EDGE_REQUESTS_PER_S": "5"}),
        edge.visitor() as visitor,
    ):
        answers = [visitor.get("/livez") for _ in range(60)]
        refused = [answer for answer in answers if answer.status_code != HTTPStatus.OK]
        assert answers[0].status_code == HTTPStatus.OK
        assert refused
        assert {answer.status_code for answer in refused} == {HTTPStatus.TOO_MANY_REQUESTS}
        assert refused[0].headers["retry-after"] == "1"
        threading.Event().wait(1.0)
        assert visitor.get("/livez").status_code == HTTPStatus.OK


def test_guessing_is_slow(edge: Edge) -> None:
    """Ten wrong tokens, then 429, while whoever has the token is not held up."""
    with edge.client("Bearer wrong") as stranger, edge.visitor() as visitor:
        codes = [stranger.get("/api/cameras").status_code for _ in range(30)]
        assert codes.count(HTTPStatus.UNAUTHORIZED) < 20
        assert codes.count(HTTPStatus.TOO_MANY_REQUESTS) > 10
        assert visitor.get("/api/cameras").status_code == HTTPStatus.OK


def test_a_client_holds_so_many_connections_and_no_more(edge: Edge) -> None:
    """The 65th stream of events of one address is refused."""
    with edge.visitor() as visitor:
        streams = []
        try:
            for _ in range(65):
                request = visitor.build_request("GET", "/api/events")
                streams.append(visitor.send(request, stream=True))
        finally:
            codes = [stream.status_code for stream in streams]
            for stream in streams:
                stream.close()
    assert codes[:64] == [HTTPStatus.OK] * 64
    assert codes[64] == HTTPStatus.TOO_MANY_REQUESTS


def test_it_starts_before_what_it_fronts(tmp_path: Path) -> None:
    """Where page and Grafana are absent each says so, by name, whether it resolves or not."""
    with (
        running_edge(
            tmp_path, EDGE_PAGE_UPSTREAM=NOBODY, EDGE_GRAFANA_UPSTREAM="grafana.invalid:3000"
        ) as edge,
        edge.visitor() as visitor,
    ):
        page, grafana = visitor.get("/"), visitor.get("/grafana/")
    for answer, name in ((page, NOBODY), (grafana, "grafana.invalid:3000")):
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert answer.headers["retry-after"] == "5"
        assert f"does not answer at {name}" in answer.text


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
        with edge.client(_basic("viewer", "of-grafana")) as viewer:
            assert _basic("viewer", "of-grafana") in viewer.get("/grafana/").text


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


def test_the_log_tells_of_refusals_and_of_no_credential(edge: Edge) -> None:
    """What was served is not logged; what was refused is, without query, headers or token."""
    with edge.visitor() as visitor:
        visitor.get("/api/cameras?seen=1")
        visitor.get("/no-such-page?password=hunter2")
    with edge.client("Bearer not-the-token") as stranger:
        stranger.get("/api/events?password=hunter2")
    said = edge.log
    assert '"path":"/no-such-page","status":404' in said
    assert '"path":"/api/events","status":401' in said
    assert '"path":"/api/cameras"' not in said
    assert not [word for word in (edge.token, "hunter2", "not-the-token") if word in said]


def test_nginx_accepts_the_configuration(tmp_path: Path) -> None:
    """`nginx -t` finds nothing, and the token is in memory's files only, closed to others."""
    edge = Edge(tmp_path)
    answer = edge.command("nginx", "-t", "-q", "-e", "stderr", "-c", str(edge.configuration))
    assert (answer.returncode, answer.stderr) == (0, "")
    assert edge.token not in edge.configuration.read_text()
    assert {path.stat().st_mode & 0o077 for path in edge.configuration.parent.iterdir()} == {0}


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("web_token", None, "cannot be read"),
        ("web_token", "", "is empty"),
        ("web_token", "short", "needs 16 characters"),
        ("web_token", 'a"; return 200; # and more', "is not of letters"),
        ("edge_key", None, "cannot be read"),
        ("edge_certificate", "", "is empty"),
    ],
)
def test_a_secret_that_will_not_do_is_one_clear_line(
    tmp_path: Path, name: str, content: str | None, complaint: str
) -> None:
    """Which file, what is wrong, exit code 2, and the value is not shown."""
    edge = Edge(tmp_path)
    edge.secret(name).unlink()
    if content is not None:
        edge.secret(name).write_text(content)
    answer = edge.command("true")
    assert answer.returncode == 2
    assert name in answer.stderr
    assert complaint in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert not content or content not in answer.stderr


@pytest.mark.parametrize("value", ["web", "web:8080; return 200", "web:80\nx:1", "$host:80"])
def test_an_upstream_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    """A variable cannot smuggle anything into the configuration."""
    answer = Edge(tmp_path).command("true", EDGE_PAGE_UPSTREAM=value)
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: EDGE_PAGE_UPSTREAM: ")


def test_the_shell_of_the_image_understands_it(tmp_path: Path) -> None:
    """BusyBox makes the same files of it as the shell here."""
    busybox = require_program("busybox")
    edge = Edge(tmp_path)
    assert edge.command("true").returncode == 0
    files = sorted(edge.configuration.parent.iterdir())
    ours = [path.read_text() for path in files]
    assert edge.command(busybox, "sh", str(START), "true").returncode == 0
    assert [path.read_text() for path in files] == ours
