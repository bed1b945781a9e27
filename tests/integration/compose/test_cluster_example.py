"""The example of a cluster: three nodes with the shipped files, and each role with its rights."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.crc import key_slot

from tests.support.compose_model import FOLDER
from tests.support.compose_redis import CLUSTER_USERS
from tests.support.event_site import put, wait_for_events
from tests.support.messages import detection
from tests.support.narrate_role import EventPublisher, narrations
from tests.support.programs import require_program
from tests.support.publishing import publishing_to
from tests.support.redis_processes import RedisProcesses, answers, command, free_ports, once
from tests.support.visits import WalkingPerson, film
from tests.support.waiting import wait_until
from vision.config.core import RedisSettings
from vision.config.loader import settings_from
from vision.config.secrets import write_secret
from vision.config.settings import Settings
from vision.events.metrics import EventMetrics
from vision.events.service import EventService
from vision.publishing.reading.cursor import EventCursor, NarrationCursor
from vision.publishing.reading.subscriber import Subscriber
from vision.runtime.roles.narrate import NarrateRole
from vision.telemetry.metrics import NodeMetrics

pytestmark = pytest.mark.integration
_FILES = FOLDER / "redis"
_CAMERAS = ("front", "door", "hall", "shed")


class ExampleCluster:
    """Three primaries; ``password`` is that of the user of `vision run`."""

    def __init__(self, processes: RedisProcesses, folder: Path) -> None:
        self.password = "password-of-node"
        chosen = free_ports(6)
        self.ports = chosen[::2]
        secrets = folder / "secrets"
        secrets.mkdir()
        for user in CLUSTER_USERS:
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
        return redis.Redis(
            port=port, username=user, password=f"password-of-{user}", protocol=2, retry=once()
        )

    def client_for(self, camera: str, user: str) -> redis.Redis:
        """The same, of the node that has a camera's keys: each has a third of them, in order."""
        slot = key_slot(f"{{{camera}}}".encode())
        return self.client(self.ports[min(slot // (2**14 // 3), 2)], user)

    def settings(self, *, command_timeout_s: float = 2.0, user: str = "node") -> RedisSettings:
        """Those of a role."""
        return RedisSettings(
            url="redis://127.0.0.1:1",
            cluster_nodes=(f"127.0.0.1:{self.ports[0]}",),
            username=user,
            command_timeout_s=command_timeout_s,
        )

    def refusals(self) -> list[dict[str, Any]]:
        """What was refused since the nodes were emptied."""
        found: list[dict[str, Any]] = []
        for port in self.ports:
            with self.client(port, "admin") as client:
                found += client.acl_log()
        return found

    def empty(self) -> None:
        """No keys, no refusals."""
        for port in self.ports:
            with self.client(port, "admin") as client:
                client.flushall()
                client.acl_log_reset()


@pytest.fixture(scope="module")
def _one_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleCluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with RedisProcesses(folder) as processes:
        yield ExampleCluster(processes, folder)


@pytest.fixture
def cluster(_one_cluster: ExampleCluster) -> ExampleCluster:
    """One for all tests, empty."""
    _one_cluster.empty()
    return _one_cluster


@contextmanager
def at_work(*works: Callable[[threading.Event], object]) -> Iterator[None]:
    """Each in a thread, until the end."""
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(stop,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


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


@pytest.mark.parametrize(("tracker", "hearer"), [("node", "node"), ("events", "subscriber")])
def test_events_are_made_and_heard_with_the_rights_of_their_roles(
    cluster: ExampleCluster, tracker: str, hearer: str
) -> None:
    """In a node, whose page hears of them, and in a role of its own, which finds the cameras."""
    now_ns, heard = time.time_ns(), set[str]()
    only = _CAMERAS if tracker == "node" else None
    settings = Settings.model_validate({"redis": cluster.settings(user=tracker).model_dump()})
    metrics = NodeMetrics(lambda: (), "events")
    part = EventService(
        settings, lambda: f"password-of-{tracker}", EventMetrics(metrics.create), only=only
    )
    page = Subscriber(
        cluster.settings(user=hearer), lambda: f"password-of-{hearer}", EventCursor, only or ()
    )

    def listen(stop: threading.Event) -> None:
        heard.update(received.message.camera for received in page.messages(stop))

    for camera in _CAMERAS:
        frames = film([WalkingPerson(0, 5)], 9, camera=camera, began_ns=now_ns, run=now_ns // 10**6)
        with cluster.client_for(camera, "admin") as client:
            put(client, frames)
    with at_work(part.run, listen):
        for camera in _CAMERAS:
            with cluster.client_for(camera, "subscriber") as client:
                wait_for_events(client, {"end": 1}, camera)
        wait_until(lambda: heard == {*_CAMERAS}, "the page hears of each")
    assert cluster.refusals() == []


def test_events_are_told_of_with_the_rights_of_the_narrator(
    cluster: ExampleCluster, tmp_path: Path
) -> None:
    """Sentences reach the nodes of their cameras, and a subscriber."""
    (tmp_path / "secrets").mkdir(mode=0o700)
    write_secret(tmp_path / "secrets" / "redis_password", "password-of-narrator")
    places = {"secrets_dir": str(tmp_path / "secrets"), "run_dir": str(tmp_path / "run")}
    user = cluster.settings(user="narrator").model_dump()
    role, heard = NarrateRole(settings_from({"redis": user} | places, "test", {})), set[str]()
    subscriber = Subscriber(
        cluster.settings(user="subscriber"), lambda: "password-of-subscriber", NarrationCursor
    )

    def listen(stop: threading.Event) -> None:
        heard.update(received.message.camera for received in subscriber.messages(stop))

    with at_work(role.run, listen):
        wait_until(lambda: role.is_reading, "it reads")
        for camera in _CAMERAS:
            with cluster.client_for(camera, "admin") as client:
                EventPublisher(client, camera, is_cluster=True).say(1)
        for camera in _CAMERAS:
            with cluster.client_for(camera, "admin") as client:
                wait_until(
                    lambda client=client, camera=camera: len(narrations(client, camera)) == 1,  # type: ignore[misc]
                    f"{camera} is told of",
                )
        wait_until(lambda: heard == {*_CAMERAS}, "the subscriber hears of each")
    assert cluster.refusals() == []


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("node", ("CLUSTER", "RESET")),
        ("node", ("FLUSHALL",)),
        ("node", ("GET", "vision:state:{front}")),
        ("events", ("XADD", "vision:detections:{front}", "*", "message", "{}")),
        ("events", ("CLUSTER", "RESET")),
        ("narrator", ("XADD", "vision:events:{front}", "*", "message", "{}")),
        ("narrator", ("SPUBLISH", "vision:events:{front}", "{}")),
        ("exporter", ("XRANGE", "vision:detections:{front}", "-", "+")),
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
