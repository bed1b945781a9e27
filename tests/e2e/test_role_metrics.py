"""Each role of the distributed form hands out its own numbers on a port for them alone."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.redis_server import running_redis
from tests.support.site import Role, clip_with_objects, need_model, running_site
from tests.support.waiting import wait_until
from vision.config.secrets import write_secret
from vision.simulate import Clip, Server
from vision.telemetry.families import FAMILIES
from vision.telemetry.family import Kind
from vision.telemetry.family import Role as RoleName

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

_TOKEN = "a-token-for-metrics"
# Until something happens that cannot be waited for here.
_SOMETIMES = {
    "vision_motion_gate",
    "vision_camera_still",
    "vision_camera_clock_offset_seconds",
    "vision_certificate_expiry_timestamp_seconds",
}


def scrape(role: Role) -> dict[str, float]:
    """The sums of a role's metrics by name; without the token it shows none."""
    wait_until(lambda: "metrics=http" in role.log, f"its port:\n{role.log}")
    found = re.search(r'metrics=(http[^\s"]+)', role.log)
    assert found is not None
    assert httpx.get(found[1]).status_code == 401
    answer = httpx.get(found[1], headers={"authorization": f"Bearer {_TOKEN}"})
    assert answer.status_code == 200
    return {
        family.name: sum(
            sample.value
            for sample in family.samples
            if not sample.name.endswith(("_created", "_bucket", "_sum"))
        )
        for family in text_string_to_metric_families(answer.text)
    }


def expected(name: RoleName) -> set[str]:
    """What a role is to expose."""
    return {family.name for family in FAMILIES if name in family.roles} - _SOMETIMES


def test_ingest_and_infer_tell_what_each_of_them_knows(tmp_path: Path) -> None:
    """Between them nothing is missing and nothing is told twice."""
    need_model()
    clip = Clip.load(clip_with_objects(tmp_path))
    with (
        running_redis(tmp_path / "redis") as redis,
        Server({"front": clip}) as cameras,
        running_site(
            tmp_path / "site",
            redis,
            {
                "metrics": {"host": "127.0.0.1", "port": 0},
                "cameras": {"front": {"url": cameras.url("front")}},
            },
        ) as site,
    ):
        write_secret(tmp_path / "site" / "secrets" / "metrics_token", _TOKEN)
        infer, ingest = site.role("infer"), site.role("ingest", "--camera", "front")
        site.wait_for_messages("front", 10)
        wait_until(lambda: scrape(infer).get("vision_detections", 0) > 0, "detections")
        inferred, ingested = scrape(infer), scrape(ingest)
        assert ingest.stop() == 0
        assert infer.stop() == 0
    assert expected("infer") <= inferred.keys()
    assert expected("ingest") <= ingested.keys()
    assert inferred["vision_batch_size"] >= inferred["vision_frames_inferred"] >= 10
    assert inferred["vision_messages_published"] >= 10
    assert ingested["vision_frames_decoded"] >= 10
    assert ingested["vision_worker_cpu_seconds"] > 0.1
    assert ingested["vision_worker_resident_memory_bytes"] > 20e6
    assert ingested["vision_redis_up"] == inferred["vision_redis_up"] == 1
    # Of the families that count things of a camera each has one teller, but for what is skipped.
    told_twice = {
        family.name
        for family in FAMILIES
        if family.kind is Kind.COUNTER
        and "camera" in family.label_names
        and {"ingest", "infer"} <= set(family.roles)
    }
    assert told_twice == {"vision_frames_skipped", "vision_messages_dropped"}


def test_the_page_of_the_distributed_form_repeats_nobody(tmp_path: Path) -> None:
    """What it shows of cameras is told by the roles that know it; it tells of itself."""
    with (
        running_redis(tmp_path / "redis") as redis,
        running_site(
            tmp_path / "site",
            redis,
            {"metrics": {"host": "127.0.0.1", "port": 0}, "web": {"port": 0}},
        ) as site,
    ):
        write_secret(tmp_path / "site" / "secrets" / "metrics_token", _TOKEN)
        web = site.role("web")
        wait_until(lambda: scrape(web)["vision_redis_up"] == 1, "Redis")
        told = {name for name in scrape(web) if name.startswith("vision_")}
        assert web.stop() == 0
    assert told == expected("web") == {"vision_redis_up", "vision_redactions", "vision_build_info"}
