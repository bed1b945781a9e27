"""The distributed form: cameras, inference and Redis as processes of their own."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator import Clip, Server
from tests.support.clips import make_clip
from tests.support.redis_server import RedisServer
from tests.support.site import Site, cameras_with_objects, running_site
from tests.support.small_model import small_model
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

# Slow enough for any machine to infer every frame.
_FPS = 3
# As slow as leaves an inference worker something to hold whenever it is killed.
_CHANNELS = 32
_EIGHT = [f"camera-{number}" for number in range(1, 9)]


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two cameras that show the same clip, from its beginning for each viewer."""
    with cameras_with_objects(tmp_path_factory.mktemp("clips"), _FPS) as server:
        yield server


def settings(cameras: Server) -> dict[str, Any]:
    """Both cameras, every frame."""
    return {"cameras": {name: {"url": cameras.url(name), "fps": 30} for name in ("front", "yard")}}


def seen(messages: list[dict[str, Any]]) -> dict[tuple[int, str], list[Any]]:
    """What was seen by time in the clip; the first input shapes are padded while others compile."""
    return {
        (message["frame"]["pts"], str(message["model"]["input"])): message["detections"]
        for message in messages
        if message["frame"]["pts"] is not None
    }


def assert_gaps(messages: list[dict[str, Any]]) -> None:
    """In order, and ``skipped`` explains every gap."""
    for earlier, later in itertools.pairwise(messages):
        if later["run"] != earlier["run"]:
            continue
        assert later["seq"] > earlier["seq"]
        assert later["seq"] == earlier["seq"] + 1 + later["skipped"]


def assert_healthy(site: Site, *arguments: str) -> None:
    """Wait until the health check is content."""
    wait_until(
        lambda: site.command("healthcheck", *arguments).returncode == 0,
        f"health:\n{site.logs()}",
    )


def test_it_says_what_the_node_says(cameras: Server, redis: RedisServer, tmp_path: Path) -> None:
    """The same detections for the same frames, by way of Redis and by shared memory."""
    with running_site(tmp_path / "one", redis, settings(cameras)) as node:
        run = node.role("run")
        node.wait_for_messages("front", 25)
        assert_healthy(node)
        assert run.stop() == 0
        expected = node.messages("front")
    with redis.client() as client:
        client.flushall()
    with running_site(tmp_path / "many", redis, settings(cameras)) as site:
        roles = [
            site.role("infer"),
            site.role("ingest", "--camera", "front"),
            site.role("ingest", "--camera", "yard"),
        ]
        site.wait_for_all(("front", "yard"), 20)
        assert_healthy(site)
        assert [role.stop() for role in roles] == [0, 0, 0]
        assert not list((site.folder / "run").iterdir())
        found = {camera: site.messages(camera) for camera in ("front", "yard")}
    for messages in found.values():
        assert_gaps(messages)
        both = seen(expected).keys() & seen(messages).keys()
        assert len(both) >= 5
        assert any(seen(expected)[key] for key in both)
        for key in both:
            assert seen(messages)[key] == seen(expected)[key]


def test_a_killed_inference_is_made_up_for(
    cameras: Server, redis: RedisServer, tmp_path: Path
) -> None:
    """It comes back by a restart, and ``skipped`` counts what it held."""
    with running_site(tmp_path / "site", redis, settings(cameras)) as site:
        infer = site.role("infer")
        ingests = [site.role("ingest", "--camera", name) for name in ("front", "yard")]
        site.wait_for_messages("front", 5)
        infer.kill()
        infer.start()
        site.wait_for_all(("front", "yard"), 5)
        assert infer.stop() == 0
        infer.start()
        site.wait_for_all(("front", "yard"), 5)
        assert [role.stop() for role in (infer, *ingests)] == [0, 0, 0]
        for camera in ("front", "yard"):
            assert_gaps(site.messages(camera))


@pytest.fixture(scope="module")
def eight_cameras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Eight cameras, slow as the machine is small."""
    clip = Clip.load(make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", fps=_FPS))
    with Server(dict.fromkeys(_EIGHT, clip)) as server:
        yield server


def test_replicas_share_the_cameras(
    eight_cameras: Server, redis: RedisServer, tmp_path: Path
) -> None:
    """Three replicas, eight cameras, one replica killed: each frame at most once, in order.

    The frames that the killed one held are counted by the next messages of their cameras. The
    replicas know of no camera by their configuration.
    """
    cameras = {name: {"url": eight_cameras.url(name), "fps": 2} for name in _EIGHT}
    models = {"models_dir": str(small_model(tmp_path / "models", channels=_CHANNELS))}
    with running_site(tmp_path / "infer", redis, {"cameras": {}} | models) as inference:
        replicas = [inference.role("infer") for _ in range(3)]
        with running_site(tmp_path / "ingest", redis, {"cameras": cameras} | models) as site:
            ingests = [site.role("ingest", "--camera", name) for name in _EIGHT]
            site.wait_for_all(_EIGHT, 5)
            replicas.pop().kill()
            site.wait_for_all(_EIGHT, 5)
            assert [role.stop() for role in ingests] == [0] * len(ingests)
            for camera in _EIGHT:
                assert_gaps(site.messages(camera))
        assert [role.stop() for role in replicas] == [0, 0]


def test_replicas_keep_empty_frames_back_together(
    cameras: Server, redis: RedisServer, tmp_path: Path
) -> None:
    """``on_change``: one message says that nothing is there, whoever saw the frames after it."""
    topics = {"publishing": {"empty_frames": "on_change"}, "model": {"confidence": 0.999}}
    with running_site(tmp_path / "site", redis, settings(cameras) | topics) as site:
        replicas = [site.role("infer") for _ in range(2)]
        ingest = site.role("ingest", "--camera", "front")
        site.wait_for_messages("front", 1)
        # The account moves with what is published only: frames go by, and it stays.
        with redis.client() as client:
            key = "vision:frame-state:{front}"
            put = int(client.hget(key, "put_seq") or 0)
            wait_until(lambda: int(client.hget(key, "put_seq") or 0) > put + 15, "more frames")
        assert [role.stop() for role in (ingest, *replicas)] == [0, 0, 0]
        (message,) = site.messages("front")
        with redis.client() as client:
            account = client.hmget(key, ["run", "seq", "empty"])
    assert message["detections"] == []
    assert account == [message["run"].encode(), str(message["seq"]).encode(), b"1"]


def test_a_role_that_hangs_is_noticed(cameras: Server, redis: RedisServer, tmp_path: Path) -> None:
    """Its process exists, which is not enough; a camera that is away is told apart from it."""
    with running_site(tmp_path / "site", redis, settings(cameras)) as site:
        ingest = site.role("ingest", "--camera", "front")
        assert_healthy(site)
        cameras.cameras["front"].faults.stall = True
        try:
            wait_until(lambda: site.command("healthcheck").returncode == 1, "the stall")
            assert "front is " in site.command("healthcheck").stdout
            assert site.command("healthcheck", "--live").returncode == 0
        finally:
            cameras.cameras["front"].faults.stall = False
        assert_healthy(site)
        os.kill(ingest.process.pid, signal.SIGSTOP)
        wait_until(lambda: site.command("healthcheck", "--live").returncode == 1, "the silence")
        assert "has said nothing" in site.command("healthcheck").stdout
        os.kill(ingest.process.pid, signal.SIGCONT)
        assert_healthy(site)
        assert ingest.stop() == 0


def test_a_camera_nobody_knows_is_one_line(
    cameras: Server, redis: RedisServer, tmp_path: Path
) -> None:
    """With the names that are known."""
    with running_site(tmp_path / "site", redis, settings(cameras)) as site:
        result = site.command("ingest", "--camera", "attic")
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "error: --camera attic: there is no such camera; known: front, yard"
    ]
