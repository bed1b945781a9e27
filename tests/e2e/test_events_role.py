"""``vision events`` as a process: killed in the middle of a visit, and what subscribers see of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from simulator import Clip, Server
from tests.support.event_site import assert_sound, events_of, put, wait_for_events
from tests.support.redis_server import running_redis
from tests.support.site import running_site
from tests.support.visits import WalkingPerson, film
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_SHARED = Path(__file__).parents[3] / "shared"
_CLIP = _SHARED / "media" / "vtest_h264_768x576_10fps.mp4"


def test_a_worker_killed_in_a_visit_gives_one_event(tmp_path: Path) -> None:
    """SIGKILL at three moments of the visit, another worker each time: one ``new``, one ``end``."""
    now_ns = time.time_ns()
    frames = film([WalkingPerson(0, 12)], 16, began_ns=now_ns, run=now_ns // 1_000_000)
    with (
        running_redis(tmp_path / "redis") as redis,
        running_site(tmp_path / "site", redis, {"run_dir": str(tmp_path / "site" / "run")}) as site,
        redis.client() as client,
    ):
        role = site.role("events")
        for count, end in enumerate((20, 40, 55), start=1):
            put(client, frames[end - 20 if count < 3 else 40 : end])
            wait_until(lambda: "events.tracking" in role.log, f"a worker at work:\n{site.logs()}")
            wait_for_events(client, {"new": 1})
            role.kill()
            killed_s = time.monotonic()
            role.start()
        put(client, frames[55:])
        events = wait_for_events(client, {"end": 1})
        took_s = time.monotonic() - killed_s
        # The file that it reads is written once a second.
        wait_until(
            lambda: "tracks front" in site.command("healthcheck").stdout, "a sign of its work"
        )
        assert role.stop() == 0
        assert events_of(client) == events
    assert_sound(events)
    assert len({event["id"] for event in events}) == 1
    assert events[-1]["end"] == "left"
    assert events[-1]["duration_s"] == 12.0
    assert events[-1]["gaps"] == []
    # The lease of a dead worker ends within seconds; the rest is the start of a process.
    assert took_s < PATIENCE_S


def test_wrong_settings_are_told_in_one_line(tmp_path: Path) -> None:
    """A zone that crosses itself, by key and remedy; exit code 2."""
    bow_tie = [[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]
    camera = {"url": "rtsp://front.test/1", "events": {"zones": {"door": bow_tie}}}
    with (
        running_redis(tmp_path / "redis") as redis,
        running_site(tmp_path / "site", redis, {"cameras": {"front": camera}}) as site,
    ):
        answer = site.command("events")
    assert answer.returncode == 2
    (line,) = answer.stderr.strip().splitlines()
    assert "cameras.front.events.zones.door" in line
    assert "in the order of its outline" in line


@pytest.mark.skipif(not _CLIP.is_file(), reason=f"{_CLIP} is not there: people walk in it")
def test_a_node_tracks_people_of_a_real_clip_and_a_killed_worker_is_replaced(
    tmp_path: Path,
) -> None:
    """Camera, model, Redis and two workers, of which one is killed: what comes of it is sound."""
    with (
        running_redis(tmp_path / "redis") as redis,
        Server({"front": Clip.load(_CLIP)}) as camera,
        running_site(
            tmp_path / "site",
            redis,
            {"cameras": {"front": {"url": camera.url("front"), "events": {"labels": ["person"]}}}},
        ) as site,
        redis.client() as client,
    ):
        site.role("run")
        workers = [site.role("events"), site.role("events", VISION_RUN_DIR=str(tmp_path))]
        wait_for_events(client, {"new": 2})
        files = [site.folder / "run" / "events.json", tmp_path / "events.json"]
        wait_until(lambda: any("tracks front" in file.read_text() for file in files), "a holder")
        workers["tracks front" in files[1].read_text()].kill()
        killed_s, before = time.monotonic(), len(events_of(client))
        wait_until(lambda: len(events_of(client)) > before, f"more events:\n{site.logs()}")
        assert time.monotonic() - killed_s < PATIENCE_S
        events = wait_for_events(client, {"new": 5, "end": 1})
    assert_sound(events)
    assert {event["label"] for event in events} == {"person"}
