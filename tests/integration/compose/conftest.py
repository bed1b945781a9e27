"""The stack's Redis for the tests of its users."""

from __future__ import annotations

import pytest

from tests.support.compose_redis import StackRedis


@pytest.fixture
def server(stack_redis: StackRedis) -> StackRedis:
    """The server, empty."""
    return stack_redis
