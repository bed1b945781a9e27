"""Redis as the stack runs it: its configuration, its users, its start script, no container."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.support.compose_model import FOLDER
from tests.support.redis_processes import free_ports, once
from tests.support.redis_server import available_servers
from vision.config.core import RedisSettings

# Selectors and read-only patterns in rules.
_OLDEST_MAJOR = 7
_START_TIMEOUT_S = 20.0
_SHELL = "/bin/sh"
USERS = (
    "ingest",
    "infer",
    "events",
    "narrator",
    "subscriber",
    "web",
    "bridge",
    "exporter",
    "admin",
    "replica",
    "sentinel",
)
"""Of users.acl, but for the two without a password."""
CLUSTER_USERS = (
    "node",
    "events",
    "narrator",
    "subscriber",
    "bridge",
    "exporter",
    "admin",
    "replica",
)
"""Of cluster-users.acl, likewise."""


def rights_of(name: str) -> dict[str, str]:
    """What each user of a file in compose/redis may do, in the words of Redis, in one line."""
    text = (FOLDER / "redis" / name).read_text(encoding="utf-8").replace("\\\n", " ")
    users = [line.split() for line in text.splitlines() if line.startswith("user ")]
    return {words[1]: " ".join(words[2:]) for words in users}


def stack_server() -> Path | None:
    """A server program that knows the rules of users.acl, None where there is none."""
    for program in available_servers().values():
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False
        ).stdout
        found = re.search(r"v=(\d+)\.", said)
        if found and int(found[1]) >= _OLDEST_MAJOR:
            return program
    return None


def require_stack_server() -> Path:
    """The same; the test is skipped where there is none."""
    program = stack_server()
    if program is None:
        pytest.skip(f"no Redis server of version {_OLDEST_MAJOR} or newer is installed")
    return program


def start_environment(secrets: Path, acl_file: Path) -> dict[str, str]:
    """Where redis/start.sh finds and puts things outside a container."""
    return {
        "PATH": os.environ["PATH"],
        "REDIS_USERS": str(FOLDER / "redis" / "users.acl"),
        "REDIS_SECRETS": str(secrets),
        "REDIS_ACLFILE": str(acl_file),
    }


class StackRedis:
    """A running server and the passwords of its users."""

    def __init__(self, folder: Path) -> None:
        (self.port,) = free_ports(1)
        self.acl_file = folder / "users.acl"
        self.secrets = folder / "secrets"
        self.data = folder / "data"
        self.kill = _nobody_to_kill

    def password(self, user: str) -> str:
        """As its secret file has it."""
        return (self.secrets / f"redis_{user}_password").read_text().removesuffix("\n")

    def settings(self, user: str) -> RedisSettings:
        """As a role in a container has them, but for the address."""
        return RedisSettings(url=f"redis://127.0.0.1:{self.port}/0", username=user)

    @contextmanager
    def client(self, user: str | None) -> Iterator[redis.Redis]:
        """A client logged in as ``user``; None does not log in, `health` needs no password."""
        with redis.Redis(
            port=self.port,
            username=user,
            password=self.password(user) if user in USERS else "any" if user else None,
            protocol=2,
            retry=once(),
        ) as client:
            yield client


@contextmanager
def running_stack_redis(
    program: Path, folder: Path, *options: str | Path, config: Path | None = None
) -> Iterator[StackRedis]:
    """A server started by redis/start.sh with redis/redis.conf or ``config``, and ``options``.

    Data in ``folder`` is kept: started there again, it has what it had.
    """
    server = StackRedis(folder)
    server.secrets.mkdir(exist_ok=True)
    for user in USERS:
        # A newline at the end, as an editor leaves it.
        (server.secrets / f"redis_{user}_password").write_text(f"password-of-{user}\n")
    server.data.mkdir(exist_ok=True)
    with (folder / "redis.log").open("ab") as log:
        process = subprocess.Popen(
            [
                _SHELL,
                FOLDER / "redis" / "start.sh",
                *(program, config or FOLDER / "redis" / "redis.conf"),
                *("--bind", "127.0.0.1", "--port", str(server.port)),
                *("--aclfile", server.acl_file),
                *options,
            ],
            cwd=server.data,
            env=start_environment(server.secrets, server.acl_file),
            stdout=log,
            stderr=log,
        )
        server.kill = process.kill
        try:
            _wait_until_it_answers(server, process, folder / "redis.log")
            yield server
        finally:
            process.terminate()
            process.wait(_START_TIMEOUT_S)


def _nobody_to_kill() -> None:
    raise AssertionError("it does not run")


def _wait_until_it_answers(server: StackRedis, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        try:
            with server.client("health") as client:
                client.ping()
        except (redis.ConnectionError, redis.BusyLoadingError):
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        return
    raise AssertionError(log.read_text())
