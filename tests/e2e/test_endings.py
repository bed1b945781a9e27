"""However a node ends, nothing of it stays; and a new password needs no new node."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator import Clip, Credentials, Server
from tests.support.clips import make_clip
from tests.support.node import NodeProcess, running_node
from tests.support.processes import SeenProcess, children_of
from tests.support.redis_server import RedisServer
from tests.support.site import need_model
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

# Docker and Kubernetes give ten seconds at the least before they kill, and a machine that is busy
# with other tests takes its own time on top; whoever waited for the camera would take a minute.
_GRACE_S = 40.0


@pytest.fixture(scope="module", autouse=True)
def model() -> None:
    """A node needs one."""
    need_model()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Two seconds at 10 fps that move."""
    return Clip.load(make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4"))


@pytest.fixture
def cameras(clip: Clip) -> Iterator[Server]:
    """Two cameras without credentials."""
    with Server({"front": clip, "yard": clip}) as server:
        yield server


def settings(cameras: Server, redis: RedisServer, **camera: Any) -> dict[str, Any]:
    """Settings of a node with all cameras of a server."""
    return {
        "redis": {"url": redis.settings().url},
        "web": {"enabled": False},
        "logs": {"level": "debug"},
        "cameras": {
            name: {"url": cameras.url(name), "fps": 5} | camera for name in cameras.cameras
        },
    }


def wait_until_online(node: NodeProcess, cameras: Server) -> list[SeenProcess]:
    """Wait until every camera is online; all processes below the node."""
    for name in cameras.cameras:
        node.wait_for_log(f"camera={name} state=online")
    assert node.process is not None
    return children_of(node.process.pid)


def workers(family: list[SeenProcess]) -> list[SeenProcess]:
    """The ingest processes among them."""
    return [process for process in family if "spawn_main" in process.command]


def named_memory(family: list[SeenProcess]) -> set[str]:
    """Shared memory of these processes that has a name, and would stay when they go."""
    maps = "".join(Path(f"/proc/{process.pid}/maps").read_text() for process in family)
    assert "/memfd:vision-frames" in maps
    paths = {line.partition("/")[2] for line in maps.splitlines() if "/" in line}
    return {path for path in paths if path.startswith("dev/shm/") and "(deleted)" not in path}


def test_a_killed_node_takes_even_a_stopped_worker_with_it(
    cameras: Server, redis: RedisServer, tmp_path: Path
) -> None:
    """The kernel sees to it: no process is left after kill -9, and the memory had no name."""
    configured = settings(cameras, redis)
    with running_node(tmp_path, configured, redis_password=redis.password) as node:
        family = wait_until_online(node, cameras)
        assert len(workers(family)) == len(cameras.cameras)
        assert not named_memory(family)
        os.kill(workers(family)[0].pid, signal.SIGSTOP)
        node.stop(signal.SIGKILL)
        started_s = time.monotonic()
        for process in family:
            process.wait_until_gone()
        assert time.monotonic() - started_s < _GRACE_S


def test_a_node_drains_and_ends_within_the_grace_period(
    cameras: Server, redis: RedisServer, tmp_path: Path
) -> None:
    """Also with a camera that hangs and a worker that is stopped; exit code 0, no process left."""
    configured = settings(cameras, redis, read_timeout_s=60)
    with running_node(tmp_path, configured, redis_password=redis.password) as node:
        family = wait_until_online(node, cameras)
        cameras.cameras["front"].faults.stall = True
        os.kill(workers(family)[1].pid, signal.SIGSTOP)
        started_s = time.monotonic()
        assert node.stop() == 0
        assert time.monotonic() - started_s < _GRACE_S
    assert "node.stopped" in node.log
    for process in family:
        process.wait_until_gone()


def test_a_second_signal_forces_a_node_that_cannot_drain(
    cameras: Server, redis: RedisServer, tmp_path: Path
) -> None:
    """Its exit code says which signal it was; its processes are gone at once."""
    configured = settings(cameras, redis)
    with running_node(tmp_path, configured, redis_password=redis.password) as node:
        family = wait_until_online(node, cameras)
        os.kill(workers(family)[0].pid, signal.SIGSTOP)
        assert node.process is not None
        # A stopped worker is waited for: time enough for a second signal.
        node.process.send_signal(signal.SIGTERM)
        node.wait_for_log("node.stopping")
        assert node.stop() == 128 + signal.SIGTERM
        for process in family:
            process.wait_until_gone()


def test_a_rotated_password_is_used_and_both_are_kept_secret(
    clip: Clip, redis: RedisServer, tmp_path: Path
) -> None:
    """The camera's password changes while the node runs: neither is told, and it goes on."""
    old, new = (f"p@ss/{number}:{secrets.token_urlsafe(8)}" for number in range(2))
    first = Server({"front": clip}, credentials=Credentials("viewer", old, "digest"))
    with first:
        configured = settings(first, redis, auth="required")
        files = {"camera_front_username": "viewer", "camera_front_password": old}
        with running_node(tmp_path, configured, redis_password=redis.password, **files) as node:
            wait_until_online(node, first)
            first.close()
            with Server(
                {"front": clip}, port=first.port, credentials=Credentials("viewer", new, "digest")
            ):
                node.wait_for_log("state=auth_failed")
                (tmp_path / "secrets" / "camera_front_password").write_text(new)
                wait_until(lambda: node.log.count("state=online") >= 2, f"online:\n{node.log}")
                assert node.stop() == 0
    with redis.client() as client:
        told = str(client.xrange("vision:status:{front}"))
    for secret in (old, new):
        assert secret not in node.log + told
