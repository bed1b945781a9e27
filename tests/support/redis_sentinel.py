"""A primary, a replica and three Sentinels: the files of compose/redis, but for the addresses."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import redis

from tests.support.compose_model import FOLDER
from tests.support.compose_redis import USERS
from tests.support.programs import require_program
from tests.support.redis_processes import (
    RedisProcess,
    RedisProcesses,
    answers,
    command,
    free_ports,
    once,
)
from tests.support.waiting import wait_until
from vision.config.core import RedisSettings

_HOST = "127.0.0.1"
_FILES = FOLDER / "redis"
_MONITOR = re.compile(r"^sentinel monitor (\w+) redis 6379 (\d)$", re.MULTILINE)
_DOWN_AFTER = re.compile(r"^(sentinel down-after-milliseconds \w+) \d+$", re.MULTILINE)
_START_TIMEOUT_S = 30.0
# Those of Sentinel, which no file sets.
_INFO_MS, _PUBLISH_MS = 10_000, 2_000


def sentinel_name() -> str:
    """What the shipped file calls the primary."""
    found = _MONITOR.search((_FILES / "sentinel.conf").read_text())
    assert found is not None
    return found[1]


class SentinelTrio:
    """Two servers, watched over by three Sentinels, started as in the profile redis-ha."""

    username = "admin"

    def __init__(
        self,
        processes: RedisProcesses,
        folder: Path,
        *,
        sentinel_password: bool,
        down_after_ms: int | None,
    ) -> None:
        self.password = secrets.token_urlsafe(12)
        self._name = sentinel_name()
        self._processes = processes
        self.secrets = folder / "secrets"
        self.secrets.mkdir(parents=True)
        for user in USERS:
            value = self.password if user == "admin" else secrets.token_urlsafe(12)
            (self.secrets / f"redis_{user}_password").write_text(value)
        self._sentinel_password = self.password if sentinel_password else None
        first, second, *sentinels = free_ports(5)
        self._first = first
        self.sentinels = sentinels
        for port in sentinels:
            self._start_sentinel(folder / f"sentinel-{port}", port, down_after_ms)
        self.servers = {
            port: self._start_server(folder / f"server-{port}", port) for port in (first, second)
        }
        for port in self.servers:
            wait_until(partial(self._answers, port), f"a server on port {port}", _START_TIMEOUT_S)
        with self.client(second) as replica:
            wait_until(
                lambda: replica.info("replication").get("master_link_status") == "up",
                "the replica",
                _START_TIMEOUT_S,
            )
        # Else each may look at the primary before there is a replica, and then not for ten seconds.
        self.hurry(info_ms=100, publish_ms=200)
        for port in sentinels:
            wait_until(partial(self._is_ready, port), "the Sentinels", _START_TIMEOUT_S)
        self.hurry(info_ms=_INFO_MS, publish_ms=_PUBLISH_MS)

    def _start_sentinel(self, folder: Path, port: int, down_after_ms: int | None) -> None:
        folder.mkdir()
        shipped = (_FILES / "sentinel.conf").read_text()
        # The host is replaced as in a container, the port is the test's own.
        text = _MONITOR.sub(rf"sentinel monitor \1 redis {self._first} \2", shipped)
        text = text.replace("port 26379", f"port {port}\nbind {_HOST}")
        if down_after_ms is not None:
            text = _DOWN_AFTER.sub(rf"\1 {down_after_ms}", text)
        config = folder / "shipped.conf"
        config.write_text(text)
        users = _FILES / "sentinel-users.acl"
        if self._sentinel_password:
            guarded = hashlib.sha256(self._sentinel_password.encode()).hexdigest()
            users = folder / "template.acl"
            shipped = (_FILES / "sentinel-users.acl").read_text()
            users.write_text(shipped.replace("nopass", f"#{guarded}"))
        program = require_program("redis-sentinel")
        environ = {"REDIS_USERS": str(users), "REDIS_FIRST": _HOST}
        self._run(folder, port, program, config, environ)

    def _start_server(self, folder: Path, port: int) -> RedisProcess:
        folder.mkdir()
        # In the container's place: the folder and the port.
        config = folder / "shipped.conf"
        shipped = _FILES / "redis.conf"
        config.write_text(
            f"include {shipped}\nport {port}\nbind {_HOST}\naclfile {folder / 'users.acl'}\n"
        )
        sentinels = ", ".join(f'"{_HOST}:{sentinel}"' for sentinel in self.sentinels)
        environ = {
            "REDIS_USERS": str(_FILES / "users.acl"),
            "REDIS_SENTINELS": f"[{sentinels}]",
            "REDIS_SENTINEL_NAME": self._name,
            "REDIS_HA_CONF": str(_FILES / "ha.conf"),
            "REDIS_CONFIG_COPY": str(folder / "redis.conf"),
            "REDIS_PORT": str(port),
        }
        if self._sentinel_password:
            environ["REDISCLI_AUTH"] = self._sentinel_password
        return self._run(folder, port, require_program("redis-server"), config, environ)

    def _run(
        self, folder: Path, port: int, program: str, config: Path, environ: dict[str, str]
    ) -> RedisProcess:
        return self._processes.run(
            ("/bin/sh", _FILES / "start.sh", program, config),
            folder,
            port,
            {
                "PATH": os.environ["PATH"],
                "REDIS_SECRETS": str(self.secrets),
                "REDIS_ACLFILE": str(folder / "users.acl"),
                "REDIS_NAME": _HOST,
                **environ,
            },
        )

    def _answers(self, port: int) -> bool:
        return answers(lambda: self.client(port))

    def _is_ready(self, port: int) -> bool:
        try:
            with redis.Redis(
                port=port, password=self._sentinel_password, protocol=2, retry=once()
            ) as client:
                state = client.sentinel_master(self._name)
        except redis.RedisError:
            return False
        return bool(state["num-other-sentinels"] == 2 and state["num-slaves"] == 1)

    def settings(self, *, command_timeout_s: float = 2.0) -> RedisSettings:
        """Settings of a node that asks the Sentinels; the URL's port is nobody's."""
        return RedisSettings(
            url="redis://127.0.0.1:1/0",
            sentinels=tuple(f"{_HOST}:{port}" for port in self.sentinels),
            sentinel_name=self._name,
            username=self.username,
            command_timeout_s=command_timeout_s,
        )

    def hurry(self, *, info_ms: int, publish_ms: int) -> None:
        """How often Sentinels ask servers who follows them, and tell one another of themselves."""
        for port in self.sentinels:
            with self._sentinel(port) as sentinel:
                command(sentinel, "SENTINEL", "DEBUG", "INFO-PERIOD", info_ms)
                command(sentinel, "SENTINEL", "DEBUG", "PUBLISH-PERIOD", publish_ms)

    def fail_over(self) -> None:
        """Have the Sentinels make the replica the primary, as an administrator would."""
        with self._sentinel(self.sentinels[0]) as sentinel:
            command(sentinel, "SENTINEL", "FAILOVER", self._name)

    def _sentinel(self, port: int) -> redis.Redis:
        password = (self.secrets / "redis_sentinel_password").read_text()
        return redis.Redis(
            port=port, username="sentinel", password=password, protocol=2, retry=once()
        )

    def client(self, port: int) -> redis.Redis:
        """A plain client of one of the servers."""
        return redis.Redis(
            port=port, username=self.username, password=self.password, protocol=2, retry=once()
        )

    def primary(self) -> RedisProcess:
        """The server that is the primary at the start."""
        return self.servers[self._first]

    def replica(self) -> RedisProcess:
        """The other one."""
        return next(server for port, server in self.servers.items() if port != self._first)


@contextmanager
def running_sentinels(
    directory: Path, *, sentinel_password: bool = False, down_after_ms: int | None = None
) -> Iterator[SentinelTrio]:
    """The five processes for the length of a test; times are those of the shipped files."""
    with RedisProcesses(directory) as processes:
        yield SentinelTrio(
            processes,
            directory,
            sentinel_password=sentinel_password,
            down_after_ms=down_after_ms,
        )
