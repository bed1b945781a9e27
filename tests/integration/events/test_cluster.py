"""Events in a Redis Cluster: messages, state and lease of a camera on its node."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.support.event_site import put, wait_for_events
from tests.support.redis_cluster import running_cluster
from tests.support.visits import Walk, film
from vision.config.settings import Settings
from vision.runtime.parts.events import EventsPart
from vision.telemetry.metrics import NodeMetrics

pytestmark = pytest.mark.integration


def test_cameras_on_several_nodes_have_their_events(tmp_path: Path) -> None:
    """Found by their streams, tracked, and told on the node where the camera is."""
    now_ns, stop = time.time_ns(), threading.Event()
    with running_cluster(tmp_path) as cluster:
        settings = Settings.model_validate({"redis": cluster.settings().model_dump()})
        metrics = NodeMetrics(lambda: (), "events")
        part = EventsPart(settings, lambda: cluster.password, metrics.events)
        ports = {}
        for camera in ("front", "door", "hall", "shed"):
            ports[camera] = cluster.port_of(f"vision:detections:{{{camera}}}")
            frames = film([Walk(0, 5)], 9, camera=camera, began_ns=now_ns, run=now_ns // 10**6)
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
