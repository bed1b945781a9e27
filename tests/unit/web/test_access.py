"""Who may read: names of the host, and the token."""

from __future__ import annotations

import base64

import pytest

from tests.support.web import Node, get
from vision.domain.secret import Secret
from vision.web.access import is_loopback
from vision.web.app import create_app


def _basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anyone:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8080", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
        ("192.0.2.7:8080", 400),
    ],
)
def test_loopback_server_answers_loopback_names(host: str, status: int) -> None:
    """A name rebound to this machine gets nothing from a server on a loopback address."""
    assert get(Node().app(), "/api/cameras", {"host": host}).status_code == status


def test_loopback_address_of_its_own() -> None:
    """A loopback address other than the usual ones may be named as well."""
    assert get(Node().app(host="127.0.0.9"), "/", {"host": "127.0.0.9"}).status_code == 200


def test_public_server_answers_any_name() -> None:
    """Elsewhere the name is not what protects."""
    app = Node().app(host="0.0.0.0")
    assert get(app, "/api/cameras", {"host": "cameras.example"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.7", False),
        ("node.example", False),
    ],
)
def test_is_loopback(host: str, expected: bool) -> None:  # noqa: FBT001  pytest passes it by name
    """Only addresses that cannot be reached from outside count as loopback."""
    assert is_loopback(host) is expected


@pytest.mark.parametrize("path", ["/", "/readyz", "/metrics", "/static/app.js", "/api/events"])
def test_token_is_needed(path: str) -> None:
    """With a token set, nobody reads anything without it, and browsers are told how to ask."""
    answer = get(Node().app(token="s3cret"), path)
    assert answer.status_code == 401
    assert answer.headers.get_list("www-authenticate")[0].startswith("Basic ")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_livez_needs_no_token() -> None:
    """The liveness probe of an orchestrator needs no secret."""
    assert get(Node().app(token="s3cret"), "/livez").status_code == 200


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer s3cret", 200),
        ("bearer s3cret", 200),
        (_basic("s3cret"), 200),
        ("Bearer wrong", 401),
        ("Bearer s3cret2", 401),
        ("Bearer", 401),
        (_basic("wrong"), 401),
        (_basic(""), 401),
        ("Basic ???", 401),
        ("Digest s3cret", 401),
    ],
)
def test_token(authorization: str, status: int) -> None:
    """The token is taken as bearer or as Basic password, and nothing else is."""
    app = Node().app(token="s3cret")
    assert get(app, "/api/cameras", {"authorization": authorization}).status_code == status


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Basic Og==", _basic("")])
def test_an_empty_token_opens_nothing(authorization: str) -> None:
    """Should there ever be one: an empty password does not match it."""
    app = Node().app(token="")
    assert get(app, "/api/cameras", {"authorization": authorization}).status_code == 401


def test_a_token_is_asked_for_at_each_request() -> None:
    """Once it is replaced the new one is let in, and the old one no more."""
    tokens: list[Secret | None] = [None]
    node = Node()
    app = create_app(
        node.feed, list, lambda: node.health, lambda: (b"", ""), token=lambda: tokens[0]
    )

    def ask(token: str) -> int:
        return get(app, "/api/cameras", {"authorization": f"Bearer {token}"}).status_code

    assert ask("any") == 200
    for new, old in (("first", "any"), ("second", "first")):
        tokens[0] = Secret(new)
        assert ask(new) == 200
        assert ask(old) == 401
