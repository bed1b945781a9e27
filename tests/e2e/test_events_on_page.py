"""Events with their pictures, from the camera to the browser, in both forms of the pipeline."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from playwright.sync_api import expect

from simulator import Clip, Server
from tests.support.browser import Screen, chromium, opened
from tests.support.event_site import events_of
from tests.support.redis_server import running_redis
from tests.support.site import clip_with_objects, need_model, running_site
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

_VISION = [sys.executable, "-m", "vision"]
_FPS = 5
_ZONE_INK = (0xF0, 0xE8, 0xE2)


@contextmanager
def demo() -> Iterator[tuple[str, str]]:
    """A running demo: the address of its page, and its configuration."""
    with subprocess.Popen(
        [*_VISION, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            page = config = ""
            for line in process.stdout:
                if line.startswith("live page"):
                    page = line.split()[-1]
                if found := re.search(r"--config (\S+)", line):
                    config = found[1]
                if page and config:
                    break
            assert page
            assert config
            yield page, config
        finally:
            process.terminate()
            process.communicate(timeout=60)


def first_line_of_tail(config: str) -> str:
    """What `vision tail --events` prints first."""
    with subprocess.Popen(
        [*_VISION, "tail", "--events", "--replay", "1", "--config", config],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            return process.stdout.readline()
        finally:
            process.kill()


def zone_pixels(screen: Screen, camera: str) -> int:
    """How many pixels of a tile have the colour of zones."""
    look = screen.look(camera)
    if look is None:
        return 0
    return int((np.abs(look.shown.astype(int) - _ZONE_INK).max(axis=2) <= 2).sum())


def test_the_demo_shows_visits_with_tracks_pictures_and_zones() -> None:
    """On the page, with `vision tail --events`, and as pictures for everybody who may see it."""
    with demo() as (url, config), chromium() as browser, opened(browser, url) as screen:
        items = screen.page.locator("#event-list li")
        expect(items.first).to_contain_text("person")
        thumb = screen.page.locator("#event-list a.thumb").first
        expect(thumb).to_be_visible()
        wait_until(
            lambda: thumb.locator("img").evaluate("image => image.naturalWidth") == 640,
            "the picture of an event",
        )
        wait_until(lambda: zone_pixels(screen, "front") > 50, "the zones")
        screen.page.get_by_role("group", name="Over the pictures").get_by_text("Tracks").click()
        assert screen.barriers() == []
        line = first_line_of_tail(config)
        assert re.match(r"\S+Z (front|yard) (new|update|end) \d+-\d+-\d+ \w+ 0\.\d\d \d", line), (
            line
        )
        answer = httpx.get(url + str(thumb.get_attribute("href")))
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "no-store"


def test_pictures_of_events_in_the_distributed_form(tmp_path: Path) -> None:
    """The worker asks for pictures while there is something to see, and the page serves them."""
    need_model()
    clip = Clip.load(clip_with_objects(tmp_path), _FPS)
    snapshots = tmp_path / "snapshots"
    with Server({"front": clip}) as cameras, running_redis(tmp_path / "redis") as redis:
        settings = {
            "events": {"update_s": 0.5, "snapshots": {"enabled": True, "dir": str(snapshots)}},
            "cameras": {
                "front": {
                    "url": cameras.url("front"),
                    "fps": _FPS,
                    "auth": "none",
                    "events": {"lines": {"gate": [[0.5, 1], [0.5, 0]]}},
                }
            },
        }
        with running_site(tmp_path / "site", redis, settings) as site, redis.client() as client:
            site.role("infer")
            site.role("ingest", "--camera", "front")
            site.wait_for_messages("front", 2)
            assert client.pubsub_numsub("vision:picture:{front}")[0][1] == 0
            site.role("events")
            web = site.role("web", VISION_WEB__ENABLED="true", VISION_WEB__PORT="0")

            def pictured() -> list[dict[str, Any]]:
                return [event for event in events_of(client) if event["best"]["snapshot"]]

            wait_until(lambda: bool(pictured()), "a picture", 120)
            event = pictured()[-1]
            path = snapshots / event["best"]["snapshot"]
            picture = cv2.imread(str(path))
            assert picture is not None
            assert picture.shape[1] == 640
            wait_until(lambda: "page=http" in web.log, "the page")
            found = re.search(r'page=(http://[^\s"]+)', web.log)
            assert found
            with httpx.Client(base_url=found[1], timeout=PATIENCE_S) as http:
                answer = http.get(f"api/cameras/front/events/{event['id']}.jpg")
                assert answer.content.startswith(b"\xff\xd8")
                assert http.get(f"api/cameras/yard/events/{event['id']}.jpg").status_code == 404
                assert [*http.get("api/zones").json()["cameras"]] == ["front"]
                with http.stream("GET", "api/events") as stream:
                    lines = (line for line in stream.iter_lines())
                    assert "event: event" in lines
