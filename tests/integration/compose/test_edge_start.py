"""The stack's nginx before it serves: what it starts with, and what it refuses."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest

from tests.support.edge import NOBODY, START, Edge, needs_nginx, running_edge
from tests.support.programs import require_program
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, needs_nginx]


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


def _code(edge: Edge, token: str) -> int:
    with edge.client(f"Bearer {token}") as client:
        return client.get("/").status_code


def test_a_new_token_holds_without_a_restart(tmp_path: Path) -> None:
    """The old one is refused soon after, on connections that were open as well."""
    with running_edge(tmp_path, EDGE_PAGE_UPSTREAM=NOBODY) as edge, edge.visitor() as open_one:
        # There is no page: who is let in is told so.
        assert open_one.get("/").status_code == HTTPStatus.SERVICE_UNAVAILABLE
        old = edge.token
        for new in ("another-token-of-the-edge", "one-more-token-of-the-edge"):
            edge.secret("web_token").write_text(f"{new}\n")
            wait_until(
                lambda new=new: _code(edge, new) == HTTPStatus.SERVICE_UNAVAILABLE,  # type: ignore[misc]
                "the new token",
            )
            wait_until(
                lambda old=old: _code(edge, old) == HTTPStatus.UNAUTHORIZED,  # type: ignore[misc]
                "the end of the old one",
            )
            old = new
        wait_until(lambda: open_one.get("/").status_code != 503, "its end on an open connection")
        assert "another-token" not in edge.log


@pytest.mark.parametrize("content", [None, "", "short", 'a"; return 200; # and more', "two\nlines"])
def test_a_new_token_that_will_not_do_is_told_and_changes_nothing(
    tmp_path: Path, content: str | None
) -> None:
    """The one before it stays in force, until a good one comes."""
    with running_edge(tmp_path, EDGE_PAGE_UPSTREAM=NOBODY) as edge:
        path = edge.secret("web_token")
        path.unlink()
        if content is not None:
            path.write_text(content)
        wait_until(lambda: "stays in force" in edge.log, "the complaint")
        assert str(path) in edge.log
        assert _code(edge, edge.token) == HTTPStatus.SERVICE_UNAVAILABLE
        path.write_text("a-good-token-of-the-edge")
        wait_until(
            lambda: _code(edge, "a-good-token-of-the-edge") == HTTPStatus.SERVICE_UNAVAILABLE,
            "the good one",
        )
