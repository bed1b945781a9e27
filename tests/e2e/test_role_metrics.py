"""Each role of the distributed form hands out its own numbers on a port for them alone."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from simulator import Clip, Server
from tests.support.event_site import put
from tests.support.language_model import LanguageModel, serving
from tests.support.mqtt_broker import running_broker
from tests.support.redis_server import RedisServer, running_redis
from tests.support.site import Role, clip_with_objects, need_model, running_site
from tests.support.visits import WalkingPerson, film
from tests.support.waiting import wait_until
from tests.support.webhook_server import webhook_server
from vision.cli.metrics_table import families
from vision.config.secrets import write_secret
from vision.frames.preview_channel import Preview, PreviewSender
from vision.publishing.encoding import encode
from vision.telemetry.family import Kind
from vision.telemetry.family import Role as RoleName

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

_TOKEN = "a-token-for-metrics"
# Fewer than pictures are remembered.
_AHEAD = 5
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
    return {family.name for family in families() if name in family.roles} - _SOMETIMES


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
        for family in families()
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
    assert told == expected("web")
    assert told == {
        "vision_redis_up",
        "vision_camera_trouble",
        "vision_messages_invalid",
        "vision_redactions",
        "vision_build_info",
        "vision_config_last_reload_successful",
        "vision_config_last_reload_success_timestamp_seconds",
    }


class Street:
    """A camera of which detections and pictures come: somebody else walks by every four seconds."""

    def __init__(self, redis: RedisServer) -> None:
        now_ns = time.time_ns()
        walks = [WalkingPerson(began_s, began_s + 3) for began_s in range(0, 400, 4)]
        self._frames = iter(film(walks, 400, began_ns=now_ns, run=now_ns // 1_000_000))
        self._sent = self._missed = 0
        self._redis = redis
        self._sender = PreviewSender(redis.settings(), lambda: redis.password)

    def go_on(self, tracked: float) -> None:
        """The next frames, with their pictures as long as somebody asks for them."""
        if not tracked:
            # Whoever finds the camera late begins with what comes then, and counts nothing before.
            self._missed = max(0, self._sent - _AHEAD + 1)
        with self._redis.client() as client:
            while self._sent < self._missed + tracked + _AHEAD:
                self._sent += 1
                frame = next(self._frames)
                if self._sender.watched([frame.camera]):
                    self._sender.send(frame.camera, Preview(encode(frame), b"\xff\xd8"))
                put(client, [frame])


def test_events_their_pictures_sentences_and_webhooks_are_told_by_the_role_that_knows(
    tmp_path: Path,
) -> None:
    """All three at work on one Redis, scraped on their own ports while people walk by."""
    with (
        running_redis(tmp_path / "redis") as redis,
        serving(LanguageModel()) as model,
        webhook_server() as hook,
        running_site(
            tmp_path / "site",
            redis,
            {
                "metrics": {"host": "127.0.0.1", "port": 0},
                "events": {"snapshots": {"enabled": True, "dir": "snapshots", "max_mib": 2}},
                "narration": {"providers": [{"name": "cloud", "url": model.url, "model": "m"}]},
                "bridge": {"webhook": {"targets": [{"name": "door", "url": hook.url}]}},
            },
        ) as site,
    ):
        for name in ("metrics_token", "webhook_door_key"):
            write_secret(site.folder / "secrets" / name, _TOKEN)
        street = Street(redis)
        events, narrate = site.role("events"), site.role("narrate")
        bridge = site.role("bridge", "webhook")
        for role in site.roles:
            wait_until(lambda role=role: scrape(role)["vision_redis_up"] == 1, site.logs())  # type: ignore[misc]

        def are_told() -> bool:
            counts = scrape(events)
            street.go_on(counts.get("vision_events_frames", 0))
            return (
                counts.get("vision_snapshots_taken", 0) > 0
                and scrape(narrate).get("vision_narrations", 0) > 0
                and scrape(bridge)["vision_bridge_sent"] > 0
            )

        wait_until(are_told, "an event with its picture, its sentence and whoever hears of it")
        told = {role: scrape(role) for role in site.roles}
        for role in site.roles:
            assert role.stop() == 0
    assert expected("events") <= told[events].keys()
    assert expected("narrate") <= told[narrate].keys()
    assert expected("bridge") <= told[bridge].keys()
    assert told[events]["vision_events"] >= 1
    assert told[events]["vision_events_frames"] >= 3
    assert told[events]["vision_snapshots_limit_bytes"] == 2 << 20
    assert told[events]["vision_snapshots_failed"] == 0
    assert told[narrate]["vision_narration_attempts"] >= 1
    assert told[narrate]["vision_narration_newest_event_timestamp_seconds"] > time.time() - 600
    assert told[bridge]["vision_bridge_connected"] == 1
    # What one of them tells no other one does, so nothing is counted twice.
    common = set.intersection(*({*names} for names in told.values()))
    assert {name for name in common if name.startswith("vision_")} == expected("web")


def test_the_bridge_to_a_broker_tells_of_it(tmp_path: Path) -> None:
    """Whether it is connected, and the same names as the one to webhooks."""
    with (
        running_redis(tmp_path / "redis") as redis,
        running_broker(tmp_path / "broker") as broker,
        running_site(
            tmp_path / "site",
            redis,
            {
                "metrics": {"host": "127.0.0.1", "port": 0},
                "bridge": {"mqtt": {"url": broker.url}},
            },
        ) as site,
    ):
        write_secret(site.folder / "secrets" / "metrics_token", _TOKEN)
        bridge = site.role("bridge", "mqtt")
        wait_until(lambda: scrape(bridge)["vision_bridge_connected"] == 1, "the broker")
        told = scrape(bridge)
        broker.stop()
        wait_until(lambda: scrape(bridge)["vision_bridge_connected"] == 0, "that it is away")
        assert bridge.stop() == 0
    assert expected("bridge") <= told.keys()
    assert told["vision_redis_up"] == 1
