"""A primary, a replica and three Sentinels, with the settings that docs/adr/0013 advises."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import redis

from tests.support.redis_processes import (
    RedisProcess,
    RedisProcesses,
    command,
    free_ports,
    require_program,
    wait_for_port,
)
from tests.support.waiting import wait_until
from vision.config.topics import RedisSettings

_NAME = "ariia"


class SentinelTrio:
    """Two servers, watched over by three Sentinels."""

    def __init__(
        self, processes: RedisProcesses, *, sentinel_password: bool, down_after_ms: int
    ) -> None:
        self.password = secrets.token_urlsafe(12)
        first, second, *sentinels = free_ports(5)
        common = (
            f"requirepass {self.password}",
            f"masterauth {self.password}",
            "appendonly yes",
            "repl-diskless-sync-delay 0",
        )
        self.servers = {
            first: processes.start("first", first, f"port {first}", *common),
            second: processes.start(
                "second", second, f"port {second}", *common, f"replicaof 127.0.0.1 {first}"
            ),
        }
        self._first = first
        for port in self.servers:
            wait_for_port(port, self.password)
        with self.client(second) as replica:
            wait_until(
                lambda: replica.info("replication")["master_link_status"] == "up", "the replica"
            )
        guarded = (f"requirepass {self.password}",) if sentinel_password else ()
        self.sentinels = sentinels
        for port in sentinels:
            processes.start(
                f"sentinel-{port}",
                port,
                f"port {port}",
                *guarded,
                f"sentinel monitor {_NAME} 127.0.0.1 {first} 2",
                f"sentinel auth-pass {_NAME} {self.password}",
                f"sentinel down-after-milliseconds {_NAME} {down_after_ms}",
                f"sentinel failover-timeout {_NAME} 6000",
                f"sentinel parallel-syncs {_NAME} 1",
                program="redis-sentinel",
            )
        for port in sentinels:
            wait_for_port(port, self.password if sentinel_password else None)
            wait_until(partial(self._is_ready, port, sentinel_password), "the Sentinels")

    def _is_ready(self, port: int, sentinel_password: bool) -> bool:  # noqa: FBT001  a test's own
        password = self.password if sentinel_password else None
        with redis.Redis(port=port, password=password, protocol=2) as client:
            state = client.sentinel_master(_NAME)
        return bool(state["num-other-sentinels"] == 2 and state["num-slaves"] == 1)

    def settings(self, *, command_timeout_s: float = 2.0) -> RedisSettings:
        """Settings of a node that asks the Sentinels; the URL's port is nobody's."""
        return RedisSettings(
            url="redis://127.0.0.1:1/0",
            sentinels=tuple(f"127.0.0.1:{port}" for port in self.sentinels),
            sentinel_name=_NAME,
            command_timeout_s=command_timeout_s,
        )

    def fail_over(self) -> None:
        """Have the Sentinels make the replica the primary, as an administrator would."""
        with redis.Redis(port=self.sentinels[0], protocol=2) as sentinel:
            command(sentinel, "SENTINEL", "FAILOVER", _NAME)

    def client(self, port: int) -> redis.Redis:
        """A plain client of one of the servers."""
        return redis.Redis(port=port, password=self.password, protocol=2)

    def primary(self) -> RedisProcess:
        """The server that is the primary at the start."""
        return self.servers[self._first]

    def replica(self) -> RedisProcess:
        """The other one."""
        return next(server for port, server in self.servers.items() if port != self._first)


@contextmanager
def running_sentinels(
    directory: Path, *, sentinel_password: bool = False, down_after_ms: int = 1000
) -> Iterator[SentinelTrio]:
    """The five processes for the length of a test."""
    require_program("redis-sentinel")
    with RedisProcesses(directory) as processes:
        yield SentinelTrio(
            processes, sentinel_password=sentinel_password, down_after_ms=down_after_ms
        )
