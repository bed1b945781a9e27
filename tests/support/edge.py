"""nginx as the stack runs it: its configuration, its start script, no container."""

from __future__ import annotations

import base64
import datetime as dt
import os
import secrets
import shutil
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trustme

from tests.support.compose_model import FOLDER
from tests.support.redis_processes import free_ports
from tests.support.waiting import PATIENCE_S, wait_until

START = FOLDER / "edge" / "start.sh"
# Debian puts it where only root's PATH looks.
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
needs_nginx = pytest.mark.skipif(
    NGINX is None, reason="nginx is not installed: apt install nginx-light"
)
"""Of tests that start one."""
NOBODY = "127.0.0.1:9"
"""The discard port, on which nobody listens."""


def basic(user: str, password: str) -> str:
    """The header of somebody who logs in."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


class Edge:
    """The ways into one running nginx, and what it was given."""

    def __init__(self, folder: Path) -> None:
        self.http_port, self.https_port, self._health_port = free_ports(3)
        self.token = secrets.token_urlsafe(30)
        self._authority = trustme.CA()
        self._state = folder / "state"
        self._secrets = folder / "secrets"
        self._secrets.mkdir(exist_ok=True)
        self._log = folder / "nginx.log"
        tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
        certificate = self._authority.issue_cert("localhost", not_after=tomorrow)
        certificate.private_key_pem.write_to_path(self._secrets / "edge_key")
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(self._secrets / "edge_certificate", append=True)
        (self._secrets / "web_token").write_text(f"{self.token}\n")

    @property
    def log(self) -> str:
        """All it said, requests and errors."""
        return self._log.read_text()

    def trust(self) -> ssl.SSLContext:
        """A client's context that verifies the certificate."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context

    def client(self, authorization: str | None = None) -> httpx.Client:
        """A client over TLS; ``authorization`` is sent with each request."""
        return httpx.Client(
            base_url=f"https://localhost:{self.https_port}",
            verify=self.trust(),
            headers={} if authorization is None else {"authorization": authorization},
            timeout=PATIENCE_S,
        )

    def visitor(self) -> httpx.Client:
        """A client that has the token."""
        return self.client(f"Bearer {self.token}")

    def command(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run start.sh with a command that ends by itself."""
        return subprocess.run(
            ["/bin/sh", START, *words],
            env=self._environment(environ),
            capture_output=True,
            text=True,
            check=False,
        )

    def secret(self, name: str) -> Path:
        """Where a secret file is."""
        return self._secrets / name

    @property
    def configuration(self) -> Path:
        """What start.sh made of nginx.conf."""
        return self._state / "nginx.conf"

    def is_up(self) -> bool:
        """As the container's health check asks."""
        try:
            return httpx.get(f"http://127.0.0.1:{self._health_port}/").is_success
        except httpx.TransportError:
            return False

    @contextmanager
    def running(self, environ: Mapping[str, str], more: str = "") -> Iterator[None]:
        """Run nginx until the block ends; ``more`` stands in its configuration's ``http`` block."""
        assert NGINX is not None
        command: list[str | Path] = [NGINX, "-e", "stderr", "-c", self.configuration]
        if more:
            insert = 'sed -i "s|^http {|http { $1|" "$2"; shift 2; exec "$@"'
            command = ["/bin/sh", "-c", insert, "sh", more, self.configuration, *command]
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                ["/bin/sh", START, *command],
                env=self._environment(environ),
                stdout=log,
                stderr=log,
            )
        try:
            wait_until(lambda: self.is_up() or process.poll() is not None, "nginx")
            assert process.poll() is None, self.log
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE_S)

    def _environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        return {
            "PATH": f"{os.environ['PATH']}:/usr/sbin",
            "EDGE_STATE": str(self._state),
            "EDGE_SECRETS": str(self._secrets),
            # A file may be opened again by nginx; a pipe of another user may not.
            "EDGE_ACCESS_LOG": str(self._log),
            "EDGE_HTTP_LISTEN": f"127.0.0.1:{self.http_port}",
            "EDGE_HTTPS_LISTEN": f"127.0.0.1:{self.https_port}",
            "EDGE_HEALTH_PORT": str(self._health_port),
            "EDGE_PUBLIC_HTTPS_PORT": str(self.https_port),
            **environ,
        }


@contextmanager
def running_edge(folder: Path, **environ: str) -> Iterator[Edge]:
    """An edge before the upstreams that ``environ`` names, as compose.yaml names them."""
    edge = Edge(folder)
    with edge.running(environ):
        yield edge
