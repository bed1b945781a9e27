"""The exporters of the stack tell what its rules and dashboards ask of them."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.support.compose_model import rendered_here
from tests.support.compose_redis import require_stack_server, running_stack_redis
from tests.support.monitoring import DASHBOARDS, dashboard_queries, metrics_in, rules
from tests.support.programs import require_program
from tests.support.prometheus import is_ready, running
from tests.support.redis_processes import free_ports
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

_EXPORTER_FLAGS = ("--redis.user=exporter", "--config-command=-")


def test_redis_exporter_works_with_its_rights_and_tells_what_is_asked_of_it(tmp_path: Path) -> None:
    """Its user may read INFO; every metric of Redis in a rule or dashboard is one it exposes."""
    exporter, (port,) = require_program("prometheus-redis-exporter"), free_ports(1)
    with running_stack_redis(require_stack_server(), tmp_path) as redis:
        address = f"127.0.0.1:{redis.port}"
        login = tmp_path / "login"
        password = redis.password("exporter")
        login.write_text(
            json.dumps({f"redis://{user}{address}": password for user in ("", "exporter@")})
        )
        with (
            redis.client("admin") as admin,
            running(
                exporter,
                f"--redis.addr=redis://{address}",
                f"--redis.password-file={login}",
                f"--web.listen-address=127.0.0.1:{port}",
                *_EXPORTER_FLAGS,
                log=tmp_path / "exporter.log",
            ),
        ):
            url = f"http://127.0.0.1:{port}/metrics"
            wait_until(lambda: is_ready(url), "the exporter")
            exposed = httpx.get(url).text
            assert admin.acl_log() == []
    assert "redis_up 1" in exposed
    _check_foreign("redis_", exposed)


def test_node_exporter_tells_what_is_asked_of_it(tmp_path: Path) -> None:
    """With the flags of the stack, without any folder of the host's."""
    exporter, (port,) = require_program("prometheus-node-exporter"), free_ports(1)
    command = rendered_here()["services"]["node-exporter"]["command"]
    flags = [flag.replace("$$", "$") for flag in command]
    with running(
        exporter, *flags, f"--web.listen-address=127.0.0.1:{port}", log=tmp_path / "exporter.log"
    ):
        url = f"http://127.0.0.1:{port}/metrics"
        wait_until(lambda: is_ready(url), "the exporter")
        exposed = httpx.get(url).text
    _check_foreign("node_", exposed)


def _check_foreign(prefix: str, exposed: str) -> None:
    queries = [query for path in DASHBOARDS for _, query in dashboard_queries(path)]
    queries += [rule["expr"] for rule in rules()]
    asked = {name for query in queries for name in metrics_in(query) if name.startswith(prefix)}
    assert asked
    missing = {name for name in asked if f"\n{name}" not in exposed}
    assert missing == set()
