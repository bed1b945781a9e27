"""A Redis Cluster of three primaries, with or without a replica each."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import redis

from tests.support.programs import require_program
from tests.support.redis_processes import (
    RedisProcess,
    RedisProcesses,
    command,
    free_ports,
    wait_for_port,
)
from tests.support.waiting import wait_until
from vision.config.core import RedisSettings
from vision.redis.connector import RedisConnector
from vision.redis.link import RedisLink


class RedisCluster:
    """Real nodes on the loopback address."""

    def __init__(self, processes: RedisProcesses, *, replicas: int) -> None:
        self.password = secrets.token_urlsafe(12)
        # The port of the nodes among themselves is chosen too: by default it is derived from
        # the other one, and may be in use.
        chosen = free_ports(6 * (1 + replicas))
        ports, buses = chosen[::2], chosen[1::2]
        self.nodes: dict[int, RedisProcess] = {
            port: processes.start(
                str(port),
                port,
                f"requirepass {self.password}",
                f"masterauth {self.password}",
                "cluster-enabled yes",
                f"cluster-port {bus}",
                "cluster-node-timeout 1500",
                "appendonly yes",
                "repl-diskless-sync-delay 0",
            )
            for port, bus in zip(ports, buses, strict=True)
        }
        for port in ports:
            wait_for_port(port, self.password)
        created = subprocess.run(
            [
                require_program("redis-cli"),
                *("--cluster", "create", *(f"127.0.0.1:{port}" for port in ports)),
                *("--cluster-replicas", str(replicas), "--cluster-yes"),
            ],
            env={"REDISCLI_AUTH": self.password},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert created.returncode == 0, created.stdout.decode()
        for port in ports:
            wait_until(partial(self._is_whole, port, replicas), "the cluster")

    def _is_whole(self, port: int, replicas: int) -> bool:
        with self.client(port) as client:
            state = command(client, "CLUSTER INFO")
            slots = command(client, "CLUSTER", "SLOTS")
            return state["cluster_state"] == "ok" and all(
                len(part) == 3 + replicas for part in slots
            )

    def settings(self, *, command_timeout_s: float = 2.0) -> RedisSettings:
        """Settings of a node that knows one of the nodes; the URL's port is nobody's."""
        return RedisSettings(
            url="redis://127.0.0.1:1",
            cluster_nodes=(f"127.0.0.1:{next(iter(self.nodes))}",),
            command_timeout_s=command_timeout_s,
        )

    def client(self, port: int) -> redis.Redis:
        """A plain client of one node."""
        return redis.Redis(port=port, password=self.password, protocol=2)

    def link(self) -> RedisLink:
        """A link of the test's own."""
        return RedisConnector(self.settings(), lambda: self.password).open()

    def port_of(self, key: str) -> int:
        """The port of the primary that has ``key``."""
        link = self.link()
        try:
            port = link.node_of(key).connection_pool.connection_kwargs["port"]
        finally:
            link.close()
        return int(port)


@contextmanager
def running_cluster(directory: Path, *, replicas: int = 0) -> Iterator[RedisCluster]:
    """The cluster for the length of a test."""
    require_program("redis-cli")
    with RedisProcesses(directory) as processes:
        yield RedisCluster(processes, replicas=replicas)
