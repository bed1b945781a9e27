"""The node as a process on a Redis that is more than one server, and over an outage."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from simulator import Clip, Server
from tests.support.clips import make_clip
from tests.support.node import running_node
from tests.support.publishing import AnyRedis, let_pass, stream_payloads, stream_seqs
from tests.support.redis_cluster import running_cluster
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import wait_until
from vision.domain.message import DetectionMessage
from vision.publishing.encoding import decode_detections

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two cameras."""
    clip = Clip.load(make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4"))
    with Server({"front": clip, "yard": clip}) as server:
        yield server


def _settings(cameras: Server, redis: dict[str, Any], **topics: Any) -> dict[str, Any]:
    return {
        "redis": redis,
        "web": {"enabled": False},
        "model": {"input_size": 320},
        "cameras": {name: {"url": cameras.url(name), "fps": 2} for name in ("front", "yard")},
        **topics,
    }


def test_a_node_works_on_a_cluster(cameras: Server, tmp_path: Path) -> None:
    """Both cameras' streams fill, each on the node of its slot."""
    with running_cluster(tmp_path / "cluster") as cluster:
        redis = {"cluster_nodes": list(cluster.settings().cluster_nodes)}
        settings = _settings(cameras, redis)
        with running_node(tmp_path, settings, redis_password=cluster.password) as node:
            for camera in ("front", "yard"):
                wait_until(partial(_has_messages, cluster, camera), f"messages of {camera}")
            assert node.stop() == 0
            assert cluster.password not in node.log


def _has_messages(server: AnyRedis, camera: str) -> bool:
    return len(stream_seqs(server, camera)) >= 3


def test_a_restart_in_an_outage_loses_nothing(cameras: Server, tmp_path: Path) -> None:
    """What a node saw while Redis was away is on the streams once the next node runs."""
    with running_redis(tmp_path / "redis") as server:
        settings = _settings(
            cameras,
            {"url": server.settings().url},
            publishing={"spool_dir": str(tmp_path / "spool")},
        )
        with running_node(tmp_path, settings, redis_password=server.password) as node:
            wait_until(lambda: len(stream_payloads(server)) >= 3, "messages")
            server.stop()
            node.wait_for_log("publish.redis_away")
            let_pass(3.0)
            assert node.stop(signal.SIGTERM) == 0
            assert "publish.spooled" in node.log
            server.restart()
            before = _by_run(server)
            node.start()
            wait_until(lambda: len(_by_run(server)) > 1, "messages of the next run")
            assert node.stop() == 0
        first, *_ = _by_run(server).values()
    (sent,) = before.values()
    assert len(first) >= len(sent) + 3
    assert all(later.seq == earlier.seq + 1 + later.skipped for earlier, later in pairwise(first))


def _by_run(server: RedisServer) -> dict[str, list[DetectionMessage]]:
    """The messages of each run, in the order of the stream."""
    runs: dict[str, list[DetectionMessage]] = {}
    for payload in stream_payloads(server).values():
        message = decode_detections(payload)
        runs.setdefault(message.run, []).append(message)
    return runs
