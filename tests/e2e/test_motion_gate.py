"""A still scene behind a motion gate, seen by those who read messages, metrics and the page."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator import Clip, Server
from tests.support.clips import make_clip
from tests.support.node import running_node, validate
from tests.support.redis_server import running_redis
from tests.support.site import need_model, running_site
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

_MOTION = {"enabled": True, "hold_s": 0.5, "refresh_s": 1}


def test_a_still_camera_says_that_nobody_looked_and_that_it_lives(tmp_path: Path) -> None:
    """Over Redis, whichever form the roles have, and on the page; a camera without is as ever."""
    still = Clip.load(make_clip(tmp_path / "still.mp4", pattern="still"))
    with (
        running_redis(tmp_path / "redis") as redis,
        Server({"front": still, "yard": still}) as cameras,
    ):
        settings = {
            "redis": {"url": redis.settings().url},
            "web": {"port": 0},
            "cameras": {
                "front": {"url": cameras.url("front"), "motion": _MOTION},
                "yard": {"url": cameras.url("yard")},
            },
        }
        with running_node(tmp_path, settings, redis_password=redis.password) as node:
            page = node.page()
            with redis.client() as client:
                wait_until(lambda: client.xlen("vision:detections:{front}") > 8, "messages")
                newest = [
                    client.xrevrange(f"vision:detections:{{{name}}}", count=4)
                    for name in ("front", "yard")
                ]
            views = httpx.get(f"{page}api/cameras").json()["cameras"]
            metrics = httpx.get(f"{page}metrics").text
            assert node.stop() == 0
    front, yard = (_documents(entries) for entries in newest)
    for earlier, later in itertools.pairwise(front):
        assert later["seq"] == earlier["seq"] + 1 + later["skipped"]
        assert later["gated"] > earlier["gated"]
    assert {message["gated"] for message in yard} == {0}
    assert [view["state"] for view in views] == ["online", "online"]
    assert (views[0]["is_still"], views[1]["is_still"]) == (True, False)
    assert 'vision_camera_still{camera="front"} 1.0' in metrics
    assert 'vision_motion_gate_total{camera="front",decision="held"}' in metrics
    assert 'vision_motion_gate_total{camera="yard"' not in metrics


def test_the_count_travels_over_redis(tmp_path: Path) -> None:
    """The ingest role holds back, and the messages of the inference role say so."""
    need_model()
    still = Clip.load(make_clip(tmp_path / "still.mp4", pattern="still"))
    with (
        running_redis(tmp_path / "redis") as redis,
        Server({"front": still}) as cameras,
        running_site(
            tmp_path / "site",
            redis,
            {"cameras": {"front": {"url": cameras.url("front"), "motion": _MOTION}}},
        ) as site,
    ):
        site.role("infer")
        site.role("ingest", "--camera", "front")
        site.wait_for_messages("front", 8)
        messages = site.messages("front")
    assert messages[-1]["gated"] > messages[-2]["gated"]
    for earlier, later in itertools.pairwise(messages):
        assert later["seq"] == earlier["seq"] + 1 + later["skipped"]
        assert later["gated"] >= earlier["gated"]


def _documents(entries: Any) -> list[dict[str, Any]]:
    return [validate(fields[b"message"]) for _, fields in reversed(entries)]
