"""The port for metrics shows metrics to those who have its token, and nothing else to anybody."""

from __future__ import annotations

import httpx
import pytest

from tests.support.web import get
from vision.domain.secret import Secret
from vision.web.metrics_app import create_metrics_app

_TOKEN = "metrics-token-long"
_PAGE = b"vision_up 1\n"


def ask(
    path: str,
    headers: dict[str, str] | None = None,
    *,
    token: str | None = _TOKEN,
    host: str = "0.0.0.0",
) -> httpx.Response:
    """Ask a port that listens on ``host``."""
    app = create_metrics_app(
        lambda: (_PAGE, "text/plain; version=1.0.0"),
        host=host,
        token=lambda: Secret(token) if token else None,
    )
    return get(app, path, headers)


def test_whoever_has_the_token_reads_the_metrics() -> None:
    """As Prometheus sends it."""
    answer = ask("/metrics", {"authorization": f"Bearer {_TOKEN}"})
    assert (answer.status_code, answer.content) == (200, _PAGE)
    assert answer.headers["content-type"].startswith("text/plain; version=1.0.0")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer wrong", f"bearer{_TOKEN}", _TOKEN])
def test_nobody_else_does(sent: str | None) -> None:
    """And is told which file is meant."""
    headers = {} if sent is None else {"authorization": sent}
    answer = ask("/metrics", headers)
    assert (answer.status_code, _PAGE in answer.content) == (401, False)
    assert "metrics_token" in answer.text


def test_that_it_lives_may_be_asked_without_a_token() -> None:
    """A health check has none."""
    assert ask("/livez").status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/cameras", "/api/events", "/static/page.js", "/readyz"])
def test_there_is_no_picture_and_no_page(path: str) -> None:
    """Not even for the token."""
    headers = {"authorization": f"Bearer {_TOKEN}"}
    assert ask(path, headers).status_code == 404


def test_on_loopback_a_foreign_name_is_refused() -> None:
    """A page in a browser may have its name rebound to this machine."""
    assert ask("/metrics", token=None, host="127.0.0.1").status_code == 200
    foreign = {"host": "evil.example"}
    assert ask("/metrics", foreign, token=None, host="127.0.0.1").status_code == 400
