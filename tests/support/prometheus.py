"""A real Prometheus, and other programs that it watches."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.monitoring import RULES
from tests.support.programs import require_program
from tests.support.redis_processes import free_ports
from tests.support.waiting import PATIENCE_S, wait_until


@contextmanager
def running(*command: str | Path, log: Path) -> Iterator[None]:
    """A program for the length of a test."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


class Prometheus:
    """The server, by its HTTP interface."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def query(self, query: str) -> list[dict[str, Any]]:
        """The samples that the query has now."""
        answer = httpx.get(f"{self._url}/api/v1/query", params={"query": query}).json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def get(self, path: str) -> Any:
        """Another document of the interface."""
        return httpx.get(f"{self._url}/api/v1/{path}").json()["data"]

    def firing(self) -> set[tuple[str, str]]:
        """Alerts that fire, with their camera."""
        return {
            (alert["labels"]["alertname"], alert["labels"].get("camera", ""))
            for alert in self.get("alerts")["alerts"]
            if alert["state"] == "firing"
        }


@contextmanager
def running_prometheus(folder: Path, target: str, token: str) -> Iterator[Prometheus]:
    """A Prometheus with the rules, that looks every second instead of every 15.

    What the rules ask to last for 30 s has to last for 3: `promtool` tests the rules as they are.
    """
    program = require_program("prometheus")
    (folder / "token").write_text(token)
    scrape = {
        "job_name": "node",
        "authorization": {"credentials_file": str(folder / "token")},
        "static_configs": [{"targets": [target]}],
    }
    seconds = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    (folder / "rules.yml").write_text(RULES.read_text().replace("for: 30s", "for: 3s"))
    config = {"global": seconds, "rule_files": ["rules.yml"], "scrape_configs": [scrape]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    (port,) = free_ports(1)
    with running(
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        log=folder / "prometheus.log",
    ):
        wait_until(lambda: is_ready(f"http://127.0.0.1:{port}/-/ready"), "Prometheus")
        yield Prometheus(port)


def is_ready(url: str) -> bool:
    """Whether an HTTP server answers well."""
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False
