"""The real nginx with the stack's configuration, before a real live page."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from tests.support.edge import Edge, basic, needs_nginx
from tests.support.waiting import wait_until
from tests.support.web import Node, inferring, serving
from vision.web.access import SECURITY_HEADERS

pytestmark = [pytest.mark.integration, needs_nginx]


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
    with edge.client(basic(user, edge.token)) as browser:
        assert browser.get("/api/cameras").status_code == HTTPStatus.OK
    with edge.client(basic(user, edge.token[:-1])) as browser:
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


def test_the_log_tells_of_refusals_and_of_no_credential(edge: Edge) -> None:
    """What was served is not logged; what was refused is, without query, headers or token."""
    with edge.visitor() as visitor:
        visitor.get("/api/cameras?seen=1")
        visitor.get("/no-such-page?password=hunter2")
    with edge.client("Bearer not-the-token") as stranger:
        stranger.get("/api/events?password=hunter2")
    # A line is written once its answer was.
    refused = ('"path":"/no-such-page","status":404', '"path":"/api/events","status":401')
    wait_until(lambda: all(line in edge.log for line in refused), "the refusals")
    said = edge.log
    assert '"path":"/api/cameras"' not in said
    assert not [word for word in (edge.token, "hunter2", "not-the-token") if word in said]
