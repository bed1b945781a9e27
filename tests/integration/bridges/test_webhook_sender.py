"""One attempt against real servers: what it sends, and what it makes of each kind of trouble."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.webhook_server import (
    Behaviour,
    answer,
    drip,
    drop,
    rubbish,
    silence,
    webhook_server,
)
from vision.bridges.errors import BridgeError, BridgeFailure
from vision.bridges.webhook_sender import WebhookReply, WebhookSecrets, WebhookSender
from vision.config.bridges import WebhookTarget
from vision.domain.errors import ConfigError
from vision.domain.secret import Secret

pytestmark = pytest.mark.integration
KEY = b"a key of the tests"
BODY = b'{"a":"\xc3\xa9"}'


def _post(
    url: str, token: str | None = None, utc_s: Callable[[], float] = time.time, **target: Any
) -> WebhookReply:
    settings = WebhookTarget.model_validate({"name": "x", "url": url, "timeout_s": 1.0, **target})
    secrets = WebhookSecrets(Secret(KEY.decode()), Secret(token) if token else None)
    with WebhookSender(settings, lambda: secrets, utc_s) as sender:
        return sender.post("id-1", BODY)


def _failure(url: str, **more: Any) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        _post(url, **more)
    return caught.value


def test_what_is_sent_is_signed() -> None:
    """The body as it is, and a signature that an implementation of its own accepts."""
    with webhook_server() as server:
        assert _post(server.url) == WebhookReply(204)
        (request,) = server.requests
    assert request.line == "POST /hook HTTP/1.1"
    assert request.body == BODY
    assert request.headers["content-type"] == "application/json"
    assert request.is_signed_with(KEY)
    assert not request.is_signed_with(b"another key")
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 60
    assert "authorization" not in request.headers


def test_a_token_is_a_header_or_stands_in_the_address() -> None:
    """Escaped where it has to be; one that no header can carry is said, and not shown."""
    with webhook_server() as server:
        _post(server.url, "T/1?&x")
        _post(f"{server.url}/{{token}}?a=b", "T/1?&x")
        first, second = server.requests
        assert first.headers["authorization"] == "Bearer T/1?&x"
        assert second.line == "POST /hook/T/1%3F%26x?a=b HTTP/1.1"
        assert "authorization" not in second.headers
        for token in ("two\r\nlines: x", "é"):
            error = _failure(server.url, token=token)
            assert error.failure is BridgeFailure.LOCAL
            assert token not in str(error)
        assert len(server.requests) == 2


def test_a_redirect_is_not_followed() -> None:
    """Whoever answers so would be given signature and token of somebody else."""
    with (
        webhook_server() as elsewhere,
        webhook_server(answer(307, f"Location: {elsewhere.url}")) as server,
    ):
        assert _post(server.url, "token-1").status == 307
        assert not elsewhere.requests


@pytest.mark.parametrize(
    ("header", "delay_s"),
    [
        ("Retry-After: 17", 17.0),
        ("Retry-After: Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
        ("Retry-After: Sun, 06 Nov 1994 08:49:00 GMT", 0.0),
        ("Retry-After: 99999999999", 3600.0),
        ("Retry-After: -3", None),
        ("Retry-After: soon", None),
        ("X: 1", None),
    ],
)
def test_when_to_come_again(header: str, delay_s: float | None) -> None:
    """In seconds or as a date, an hour at most."""
    with webhook_server(answer(429, header)) as server:
        found = _post(server.url, utc_s=lambda: 784111777.0)
    assert found == WebhookReply(429, delay_s)


@pytest.mark.parametrize(
    ("behaviour", "failure"),
    [
        (silence, BridgeFailure.TIMEOUT),
        (drip, BridgeFailure.TIMEOUT),
        (drop, BridgeFailure.PROTOCOL),
        (rubbish, BridgeFailure.PROTOCOL),
    ],
)
def test_a_server_that_misbehaves(behaviour: Behaviour, failure: BridgeFailure) -> None:
    """Each is told apart, and none holds us longer than it may."""
    with webhook_server(behaviour) as server:
        started_s = time.monotonic()
        assert _failure(server.url, timeout_s=0.5).failure is failure
        assert time.monotonic() - started_s < 10


def test_nobody_there() -> None:
    """A port that nobody listens on, and a name that does not exist."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert _failure(f"http://127.0.0.1:{port}/").failure is BridgeFailure.REFUSED
    # A resolver that answers late is as good an end.
    failure = _failure("http://nobody.invalid/", timeout_s=5.0).failure
    assert failure in (BridgeFailure.UNREACHABLE, BridgeFailure.TIMEOUT)


def test_certificates_are_checked(tmp_path: Path) -> None:
    """The name and who signed it; the authority may be one of our own."""
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    outcomes: dict[str, object] = {}
    for name in ("127.0.0.1", "elsewhere.test"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        with webhook_server(tls=context) as server:
            assert _failure(server.url).failure is BridgeFailure.TLS
            try:
                outcomes[name] = _post(server.url, ca_file=ca_file).status
            except BridgeError as error:
                outcomes[name] = error.failure
    assert outcomes == {"127.0.0.1": 204, "elsewhere.test": BridgeFailure.TLS}
    with pytest.raises(ConfigError, match="ca_file of x"):
        _post("https://h/", ca_file=tmp_path / "none.pem")
