"""A Redis that was started before the release with a new user of it."""

from __future__ import annotations

import os
import shlex
import subprocess

import pytest

from tests.support.compose_redis import USERS, StackRedis
from tests.support.programs import require_program
from tests.support.scripts import SCRIPTS

pytestmark = pytest.mark.integration


@pytest.fixture
def server(stack_redis: StackRedis) -> StackRedis:
    """One that knows all users of its file."""
    with stack_redis.client("admin") as admin:
        admin.acl_load()
    return stack_redis


def unknown_users(server: StackRedis, user: str = "admin") -> list[str]:
    """What deploy.sh finds."""
    code = f"""
        set -euo pipefail
        source {shlex.quote(str(SCRIPTS / "lib" / "common.sh"))}
        source "$ROOT/scripts/lib/stacks.sh"
        unknown_users
    """
    answer = subprocess.run(
        ["/bin/bash", "-c", code],
        env={
            "PATH": os.environ["PATH"],
            "REDISCLI": f"{require_program('redis-cli')} -p {server.port} --user {user}",
            "REDISCLI_AUTH": server.password(user),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split()


def test_users_of_a_newer_release_are_named(server: StackRedis) -> None:
    """None as long as it knows them all."""
    assert unknown_users(server) == []
    with server.client("admin") as admin:
        admin.acl_deluser("narrator", "bridge")
    assert unknown_users(server) == ["bridge", "narrator"]


def test_a_redis_with_users_of_its_own_is_left_alone(server: StackRedis) -> None:
    """It may know everybody by one name; and who may not ask is told nothing."""
    assert unknown_users(server, "subscriber") == []
    with server.client("admin") as admin:
        admin.acl_deluser(*(user for user in USERS if user != "admin"))
    assert unknown_users(server) == []
