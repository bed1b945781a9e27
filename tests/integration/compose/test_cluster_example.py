"""The example of a cluster: three nodes with the shipped files, and a node's publisher on it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import redis

from tests.support.compose_model import FOLDER
from tests.support.messages import detection
from tests.support.programs import require_program
from tests.support.publishing import publishing_to
from tests.support.redis_processes import RedisProcesses, answers, command, free_ports
from tests.support.waiting import wait_until
from vision.config.topics import RedisSettings

pytestmark = pytest.mark.integration
_FILES = FOLDER / "redis"
_USERS = ("node", "subscriber", "bridge", "admin", "replica")


class ExampleCluster:
    """Three primaries; ``password`` is that of the user of `vision run`."""

    def __init__(self, processes: RedisProcesses, folder: Path) -> None:
        self.password = "password-of-node"
        chosen = free_ports(6)
        self.ports = chosen[::2]
        secrets = folder / "secrets"
        secrets.mkdir()
        for user in _USERS:
            (secrets / f"redis_{user}_password").write_text(f"password-of-{user}")
        text = (_FILES / "cluster.conf").read_text()
        config = folder / "cluster.conf"
        config.write_text(text.replace("/etc/ariia/redis.conf", str(_FILES / "redis.conf")))
        for port, bus in zip(self.ports, chosen[1::2], strict=True):
            own = folder / str(port)
            own.mkdir()
            node = own / "node.conf"
            node.write_text(f"include {config}\nmasterauth password-of-replica\n")
            processes.run(
                (
                    *("/bin/sh", _FILES / "start.sh", require_program("redis-server"), node),
                    *("--port", str(port), "--cluster-port", str(bus), "--bind", "127.0.0.1"),
                    *("--aclfile", own / "users.acl"),
                ),
                own,
                port,
                {
                    "PATH": os.environ["PATH"],
                    "REDIS_USERS": str(_FILES / "cluster-users.acl"),
                    "REDIS_SECRETS": str(secrets),
                    "REDIS_ACLFILE": str(own / "users.acl"),
                },
            )
        for port in self.ports:
            wait_until(partial(self._answers, port), f"a server on port {port}")
        subprocess.run(
            [
                *(require_program("redis-cli"), "--user", "admin", "--cluster", "create"),
                *(f"127.0.0.1:{port}" for port in self.ports),
                "--cluster-yes",
            ],
            env={"REDISCLI_AUTH": "password-of-admin"},
            capture_output=True,
            timeout=60,
            check=True,
        )
        for port in self.ports:
            wait_until(partial(self._is_whole, port), "the cluster")

    def _answers(self, port: int) -> bool:
        return answers(lambda: self.client(port, "admin"))

    def _is_whole(self, port: int) -> bool:
        with self.client(port, "admin") as client:
            return bool(command(client, "CLUSTER INFO")["cluster_state"] == "ok")

    def client(self, port: int, user: str) -> redis.Redis:
        """A plain client of one node."""
        return redis.Redis(port=port, username=user, password=f"password-of-{user}", protocol=2)

    def settings(self, *, command_timeout_s: float = 2.0) -> RedisSettings:
        """Those of a node."""
        return RedisSettings(
            url="redis://127.0.0.1:1",
            cluster_nodes=(f"127.0.0.1:{self.ports[0]}",),
            username="node",
            command_timeout_s=command_timeout_s,
        )


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ExampleCluster]:
    """Up for the length of a test."""
    with RedisProcesses(tmp_path) as processes:
        yield ExampleCluster(processes, tmp_path)


def test_a_node_publishes_with_the_rights_of_one(cluster: ExampleCluster) -> None:
    """Messages of several cameras reach the nodes they belong to, and nothing is refused."""
    cameras = [f"camera-{number}" for number in range(6)]
    with publishing_to(cluster) as running:
        for camera in cameras:
            running.publisher.publish(detection(1, camera=camera))
        running.wait_sent()
        assert not running.observer.drops
    found = 0
    for port in cluster.ports:
        with cluster.client(port, "subscriber") as client:
            found += len(list(client.scan_iter(match="vision:detections:{*}")))
    assert found == len(cameras)


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("node", ("CLUSTER", "RESET")),
        ("node", ("FLUSHALL",)),
        ("node", ("GET", "vision:state:{front}")),
        ("subscriber", ("CLUSTER", "FORGET", "x")),
        ("subscriber", ("XADD", "vision:detections:{front}", "*", "message", "{}")),
        ("subscriber", ("SPUBLISH", "vision:detections:{front}", "{}")),
    ],
)
def test_what_is_not_its_part_is_refused(
    cluster: ExampleCluster, user: str, words: tuple[str, ...]
) -> None:
    """Neither the cluster nor the messages of others can be touched."""
    with (
        cluster.client(cluster.ports[0], user) as client,
        pytest.raises(redis.ResponseError, match="no permissions"),
    ):
        command(client, *words)
