"""The narrator in a Redis Cluster: sentences on the node of their camera, and each once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.support.narrate_role import EventPublisher, narrations
from tests.support.redis_cluster import running_cluster
from tests.support.waiting import wait_until
from vision.config.loader import settings_from
from vision.config.secrets import write_secret
from vision.publishing.reading.cursor import NarrationCursor
from vision.publishing.reading.subscriber import Subscriber
from vision.runtime.roles.narrate import NarrateRole

pytestmark = pytest.mark.integration
_CAMERAS = ("front", "door", "hall", "shed")


def test_cameras_on_several_nodes_are_told_of(tmp_path: Path) -> None:
    """Those that were there before the start and those that come later; a subscriber hears it."""
    (tmp_path / "secrets").mkdir(mode=0o700)
    heard: set[str] = set()
    stop = threading.Event()
    with running_cluster(tmp_path / "cluster") as cluster:
        write_secret(tmp_path / "secrets" / "redis_password", cluster.password)
        places = {"secrets_dir": str(tmp_path / "secrets"), "run_dir": str(tmp_path / "run")}
        redis = cluster.settings().model_dump()
        role = NarrateRole(settings_from({"redis": redis} | places, "test", {}))
        subscriber = Subscriber(
            cluster.settings(), lambda: cluster.password, NarrationCursor, _CAMERAS
        )

        def listen() -> None:
            for received in subscriber.messages(stop):
                heard.add(received.message.id)

        threads = [threading.Thread(target=role.run, args=(stop,)), threading.Thread(target=listen)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: role.is_reading, "it reads")
            known, ports = set(), set()
            for camera in _CAMERAS:
                ports.add(cluster.port_of(f"vision:events:{{{camera}}}"))
                with cluster.client(cluster.port_of(f"vision:events:{{{camera}}}")) as client:
                    visits = EventPublisher(client, camera, is_cluster=True)
                    known |= {visits.say(1), visits.say(2)}
            for camera in _CAMERAS:
                with cluster.client(cluster.port_of(f"vision:events:{{{camera}}}")) as client:
                    wait_until(
                        lambda client=client, camera=camera: len(narrations(client, camera)) == 2,  # type: ignore[misc]
                        f"{camera} is told of",
                    )
            wait_until(lambda: heard == known, "the subscriber heard")
        finally:
            stop.set()
            for thread in threads:
                thread.join(10)
    assert len(ports) > 1
