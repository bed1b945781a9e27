"""Inference workers that lose their cameras to each other, as processes."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator import Clip, Server
from tests.support.clips import make_clip
from tests.support.raw_redis import RawSubscriber
from tests.support.redis_server import RedisServer
from tests.support.site import Role, running_site
from tests.support.small_model import small_model
from tests.support.waiting import wait_until
from vision.frames.redis_scripts import lease_key

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_FPS = 5
# Slow enough that a worker holds a frame most of the time.
_CHANNELS = 32
_CAMERAS = ["front", "yard", "back"]
_LEAST_PAUSES = 4


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Three cameras."""
    clip = Clip.load(make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", fps=_FPS))
    with Server(dict.fromkeys(_CAMERAS, clip)) as server:
        yield server


def _has_lost_a_camera(replica: Role) -> bool:
    return "reason=lease_lost" in replica.log


def _assert_exact(messages: list[dict[str, Any]]) -> None:
    """Every gap is counted, and no frame that was told of is."""
    for earlier, later in itertools.pairwise(messages):
        assert later["run"] == earlier["run"]
        assert later["seq"] == earlier["seq"] + 1 + later["skipped"]


def test_a_worker_that_hangs_or_dies_leaves_no_gap(
    cameras: Server, redis: RedisServer, tmp_path: Path
) -> None:
    """Whoever takes its cameras counts what it held; its own late messages are not published."""
    settings = {
        "cameras": {name: {"url": cameras.url(name), "fps": _FPS} for name in _CAMERAS},
        "models_dir": str(small_model(tmp_path / "models", channels=_CHANNELS)),
    }
    with running_site(tmp_path / "site", redis, settings) as site:
        replicas = [site.role("infer") for _ in range(2)]
        ingests = [site.role("ingest", "--camera", name) for name in _CAMERAS]
        site.wait_for_all(_CAMERAS, 1)
        with RawSubscriber(redis, "vision:detections:{front}") as live, redis.client() as client:
            for number in itertools.count(1):
                stopped = replicas[number % 2]
                stopped.process.send_signal(signal.SIGSTOP)
                # The other one takes over what this one held once the lease ran out.
                site.wait_for_all(_CAMERAS, 2)
                stopped.process.send_signal(signal.SIGCONT)
                site.wait_for_all(_CAMERAS, 2)
                if number >= _LEAST_PAUSES and any(map(_has_lost_a_camera, replicas)):
                    break
            replicas[0].kill()
            site.wait_for_all(_CAMERAS, 3)
            assert [role.stop() for role in ingests] == [0] * len(ingests)
            wait_until(
                lambda: not any(client.exists(lease_key(name)) for name in _CAMERAS), "the end"
            )
            stream: Any = client.xrange("vision:detections:{front}")
            stored = [fields[b"message"] for _, fields in stream]
            heard = live.payloads_until(stored[-1])
        # What is heard is what is stored.
        assert heard == stored[-len(heard) :]
        for camera in _CAMERAS:
            _assert_exact(site.messages(camera))
        assert replicas[1].stop() == 0
