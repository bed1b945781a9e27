"""Events in a Redis Cluster: messages, state and lease of a camera on its node."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.support.event_site import assert_sound, put, wait_for_events
from tests.support.foreign_keys import put_list
from tests.support.redis_cluster import RedisCluster, running_cluster
from tests.support.visits import WalkingPerson, film
from tests.support.waiting import wait_until
from vision.config.settings import Settings
from vision.events.metrics import EventMetrics
from vision.events.service import EventService
from vision.resilience.troubles import Troubles
from vision.telemetry.metrics import NodeMetrics

pytestmark = pytest.mark.integration
_KEYS = (
    "vision:detections:{front}",
    "vision:status:{front}",
    "vision:events:{front}",
    "vision:events-state:{front}",
    "vision:events-lease:{front}",
    "vision:events-workers",
)


def test_cameras_on_several_nodes_have_their_events(tmp_path: Path) -> None:
    """Found by their streams, tracked, and told on the node where the camera is."""
    now_ns, stop = time.time_ns(), threading.Event()
    with running_cluster(tmp_path) as cluster:
        settings = Settings.model_validate({"redis": cluster.settings().model_dump()})
        metrics = NodeMetrics(lambda: (), "events")
        part = EventService(settings, lambda: cluster.password, EventMetrics(metrics.create))
        ports = {}
        for camera in ("front", "door", "hall", "shed"):
            ports[camera] = cluster.port_of(f"vision:detections:{{{camera}}}")
            frames = film(
                [WalkingPerson(0, 5)], 9, camera=camera, began_ns=now_ns, run=now_ns // 10**6
            )
            with cluster.client(ports[camera]) as client:
                put(client, frames)
        working = threading.Thread(target=part.run, args=(stop,))
        working.start()
        try:
            for camera, port in ports.items():
                with cluster.client(port) as client:
                    events = wait_for_events(client, {"end": 1}, camera)
                assert [event["revision"] for event in events] == list(range(len(events)))
        finally:
            stop.set()
            working.join(30)
    assert len(set(ports.values())) > 1


def _walk(cluster: RedisCluster, camera: str, *, later_ms: int = 0) -> None:
    """Somebody walks through the picture of a camera."""
    now_ns = time.time_ns()
    run = now_ns // 10**6 + later_ms
    with cluster.client(cluster.port_of(f"vision:detections:{{{camera}}}")) as client:
        put(client, film([WalkingPerson(0, 5)], 9, camera=camera, began_ns=now_ns, run=run))


def _wait_for_end(cluster: RedisCluster, camera: str) -> None:
    with cluster.client(cluster.port_of(f"vision:events:{{{camera}}}")) as client:
        assert_sound(wait_for_events(client, {"end": 1}, camera))


def test_a_key_of_another_type_costs_its_own_camera_alone(tmp_path: Path) -> None:
    """It is named, the cameras of all nodes are tracked, and it is taken in again once it is right."""
    others = ("door", "hall", "shed")
    with running_cluster(tmp_path) as cluster:
        settings = Settings.model_validate({"redis": cluster.settings().model_dump()})
        for number, key in enumerate(_KEYS):
            later_ms, stop, troubles = 120_000 * number, threading.Event(), Troubles()
            metrics = NodeMetrics(lambda: (), "events")
            part = EventService(
                settings, lambda: cluster.password, EventMetrics(metrics.create), troubles=troubles
            )
            with cluster.client(cluster.port_of(key)) as client:
                client.delete(key)
                put_list(client, key)
                if "detections" not in key:
                    _walk(cluster, "front", later_ms=later_ms)
                for camera in others:
                    _walk(cluster, camera, later_ms=later_ms)
                working = threading.Thread(target=part.run, args=(stop,))
                working.start()
                try:
                    for camera in others:
                        _wait_for_end(cluster, camera)
                    wait_until(lambda: key in "".join(troubles.reasons()), f"{key} by name")  # noqa: B023  called before the next
                    assert part.connected
                    client.delete(key)
                    _walk(cluster, "front", later_ms=later_ms + 60_000)
                    _wait_for_end(cluster, "front")
                    wait_until(lambda: not troubles.reasons(), "no complaint")  # noqa: B023  called before the next
                finally:
                    stop.set()
                    working.join(30)
                for camera in ("front", *others):
                    name = f"vision:events:{{{camera}}}"
                    with cluster.client(cluster.port_of(name)) as its:
                        its.delete(name)
