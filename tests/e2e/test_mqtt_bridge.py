"""``vision bridge mqtt`` as a process, with a real Redis, a real broker, and Home Assistant's eyes."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.publish import single

from tests.support.event_messages import event
from tests.support.home_assistant import UNAVAILABLE, entities, states
from tests.support.messages import detection, status
from tests.support.mqtt_broker import MqttBroker, Watcher, running_broker, watching
from tests.support.redis_server import RedisServer
from tests.support.site import Site, running_site
from tests.support.waiting import wait_until
from vision.config.secrets import write_secret
from vision.domain.event import EndReason, EventMessage, EventType
from vision.domain.status import CameraState
from vision.publishing.encoding import encode

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
OCCUPANCY = "binary_sensor.vision_front_person_occupancy"
COUNT = "sensor.vision_front_person_count"
IN_DOOR = "binary_sensor.vision_front_door__person_occupancy"
STATE = "sensor.vision_front_state"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[MqttBroker]:
    """A broker that lets everybody in."""
    with running_broker(tmp_path / "broker") as running:
        yield running


def _settings(broker: MqttBroker, *cameras: str, **mqtt: object) -> dict[str, Any]:
    return {
        "bridge": {"mqtt": {"url": broker.url, "keepalive_s": 2, **mqtt}},
        "cameras": {
            name: {"url": "rtsp://127.0.0.1:1/x", "labels": ["person"]} for name in cameras
        },
    }


def tell(redis: RedisServer, message: EventMessage) -> None:
    """Publish as the events role does."""
    name, payload = f"vision:events:{{{message.camera}}}", encode(message)
    with redis.client() as client:
        client.xadd(name, {"message": payload})
        client.publish(name, payload)


def see(redis: RedisServer, state: CameraState, camera: str = "front") -> None:
    """Publish a camera's state, and that a frame was looked at."""
    said = dataclasses.replace(status(state, camera=camera, reason="of the test"), at=_NEWER())
    looked = detection(1, camera=camera)
    with redis.client() as client:
        for kind, message in (("status", said), ("detections", looked)):
            name, payload = f"vision:{kind}:{{{camera}}}", encode(message)
            client.xadd(name, {"message": payload})
            client.publish(name, payload)


class _Newer:
    """Times of which each is later than the one before."""

    def __init__(self) -> None:
        self._second = 0

    def __call__(self) -> str:
        self._second += 1
        return f"2026-11-27T12:00:{self._second:02}.000Z"


_NEWER = _Newer()


def _wait_for(watcher: Watcher, **wanted: str) -> None:
    names = {"occupancy": OCCUPANCY, "count": COUNT, "in_door": IN_DOOR, "state": STATE}

    def seen() -> dict[str, str | None]:
        now = states(watcher.topics())
        return {word: now.get(names[word]) for word in wanted}

    wait_until(lambda: seen() == wanted, f"{wanted}, not {seen()}")


@contextmanager
def _bridged(folder: Path, redis: RedisServer, settings: dict[str, Any]) -> Iterator[Site]:
    folder.mkdir(exist_ok=True)
    with running_site(folder / "site", redis, settings) as site:
        yield site


def test_home_assistant_sees_a_visit(
    tmp_path: Path, redis: RedisServer, broker: MqttBroker
) -> None:
    """Devices and entities by discovery, their states, events, and a camera that goes blind."""
    see(redis, CameraState.ONLINE)
    with (
        _bridged(tmp_path, redis, _settings(broker, "front")) as site,
        watching(broker) as watcher,
    ):
        role = site.role("bridge", "mqtt")
        _wait_for(watcher, occupancy="off", count="0", state="online")
        tell(redis, event(0, zones=("door",)))
        _wait_for(watcher, occupancy="on", count="1", in_door="on")
        tell(redis, event(1, kind=EventType.UPDATE))
        _wait_for(watcher, occupancy="on", in_door="off")
        see(redis, CameraState.RECONNECTING)
        _wait_for(watcher, occupancy=UNAVAILABLE, state="reconnecting")
        see(redis, CameraState.ONLINE)
        tell(redis, event(2, kind=EventType.END, end=EndReason.LEFT))
        _wait_for(watcher, occupancy="off", count="0", state="online")
        fired = entities(watcher.topics())["event.vision_front_event"]
        heard = [fired.event(text) for text in watcher.heard("vision/front/event")]
        assert [one["event_type"] for one in heard] == ["new", "update", "end"]
        assert {one["label"] for one in heard} == {"person"}
        assert heard[0]["zones"] == ["door"]
        # Not as a state: whoever comes later is not told that somebody came.
        with watching(broker) as later:
            later.wait_for("vision/available", "online")
            assert "vision/front/event" not in later.topics()
        wait_until(lambda: site.command("healthcheck").returncode == 0, "health")
        assert role.stop() == 0
        watcher.wait_for("vision/available", "offline")
        assert states(watcher.topics())[OCCUPANCY] == UNAVAILABLE


def test_a_bridge_that_is_killed_leaves_its_will(
    tmp_path: Path, redis: RedisServer, broker: MqttBroker
) -> None:
    """All is unavailable at once; back, it knows who is there and brings what it has missed."""
    see(redis, CameraState.ONLINE)
    with (
        _bridged(tmp_path, redis, _settings(broker, "front")) as site,
        watching(broker) as watcher,
    ):
        role = site.role("bridge", "mqtt")
        _wait_for(watcher, occupancy="off")
        tell(redis, event(0))
        _wait_for(watcher, occupancy="on")
        role.kill()
        watcher.wait_for("vision/available", "offline")
        tell(redis, event(0, number=2))
        tell(redis, event(1, number=2, kind=EventType.END, end=EndReason.LEFT))
        turned = len(watcher.heard("vision/front/occupancy/person"))
        role.start()
        _wait_for(watcher, occupancy="on", count="1")
        wait_until(lambda: _told(watcher) >= {"1 new", "2 new", "2 end"}, "the missed events")
        # It never said meanwhile that nobody was there.
        assert set(watcher.heard("vision/front/occupancy/person")[turned:]) <= {"ON"}


def _told(watcher: Watcher) -> set[str]:
    heard = map(json.loads, watcher.heard("vision/front/event"))
    return {f"{one['id'].split('-')[1]} {one['type']}" for one in heard}


def test_a_broker_that_restarts_is_given_all_of_it(
    tmp_path: Path, redis: RedisServer, broker: MqttBroker
) -> None:
    """Events of the outage in order; the newest states; nothing is lost by its own count."""
    see(redis, CameraState.ONLINE)
    with (
        _bridged(tmp_path, redis, _settings(broker, "front", frigate=True)) as site,
        watching(broker) as watcher,
    ):
        role = site.role(
            "bridge", "mqtt", VISION_METRICS__HOST="127.0.0.1", VISION_METRICS__PORT="0"
        )
        _wait_for(watcher, occupancy="off")
        broker.stop()
        wait_until(lambda: "mqtt.away" in role.log, "the loss")
        for number in range(1, 41):
            tell(redis, event(0, number=number))
            tell(redis, event(1, number=number, kind=EventType.END, end=EndReason.LEFT))
        tell(redis, event(0, number=50))
        broker.start()
        _wait_for(watcher, occupancy="on", count="1")
        wait_until(lambda: "50 new" in _told(watcher), "the last one")
        ids = [
            (int(one["id"].split("-")[1]), one["revision"])
            for one in map(json.loads, watcher.heard("vision/front/event"))
        ]
        expected = [(number, revision) for number in range(1, 41) for revision in (0, 1)]
        assert list(dict.fromkeys(ids)) == [*expected, (50, 0)]
        watcher.wait_for("frigate/front/person", "1")
        watcher.wait_for("frigate/available", "online")
        frigate = [json.loads(text) for text in watcher.heard("frigate/events")]
        assert frigate[-1]["type"] == "new"
        assert frigate[-1]["after"]["label"] == "person"
        assert role.stop() == 0


def test_what_is_told_of_a_camera_that_is_gone_is_taken_back(
    tmp_path: Path, redis: RedisServer, broker: MqttBroker
) -> None:
    """Its entities vanish from Home Assistant at the next start; others' are left alone."""
    foreign = "homeassistant/sensor/other/x/config"
    with watching(broker) as watcher:
        with _bridged(tmp_path, redis, _settings(broker, "front", "yard")) as site:
            role = site.role("bridge", "mqtt")
            wait_until(lambda: "sensor.vision_yard_state" in entities(watcher.topics()), "yard")
            wait_until(lambda: OCCUPANCY in entities(watcher.topics()), "front")
            assert role.stop() == 0
        _publish(broker, foreign, json.dumps({"origin": {"name": "other"}, "state_topic": "x"}))
        with _bridged(tmp_path / "later", redis, _settings(broker, "front")) as site:
            site.role("bridge", "mqtt")
            wait_until(lambda: not _of(watcher, "yard"), f"none of yard: {_of(watcher, 'yard')}")
            assert _of(watcher, "front")
            assert watcher.newest(foreign) is not None


def test_what_other_settings_told_is_taken_back(
    tmp_path: Path, redis: RedisServer, broker: MqttBroker
) -> None:
    """A zone that was removed, and all below a first topic that was changed."""
    zone = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]
    with watching(broker) as watcher:
        first = _settings(broker, "front")
        first["cameras"]["front"]["events"] = {"zones": {"drive": zone, "door": zone}}
        with _bridged(tmp_path, redis, first) as site:
            role = site.role("bridge", "mqtt")
            wait_until(lambda: IN_DOOR in entities(watcher.topics("homeassistant/")), "the zones")
            mark = "ariia-vision/bridge/ariia-vision"
            wait_until(lambda: watcher.newest(mark) is not None, "its mark")
            assert role.stop() == 0
        second = _settings(broker, "front", topic="home/vision")
        second["cameras"]["front"]["events"] = {"zones": {"door": zone}}
        with _bridged(tmp_path / "later", redis, second) as site:
            role = site.role("bridge", "mqtt")
            wait_until(lambda: not watcher.topics("vision/"), "the end of what is below vision/")
            wait_until(
                lambda: not [topic for topic in watcher.topics() if "/vision_front/" in topic],
                "the end of its entities",
            )
            moved = "sensor.home_vision_front_door__person_count"
            wait_until(lambda: moved in entities(watcher.topics("homeassistant/")), "the new ones")
            assert role.stop() == 0
        second["cameras"]["front"]["events"] = {}
        with _bridged(tmp_path / "last", redis, second) as site:
            site.role("bridge", "mqtt")
            gone = [f"{part}door{end}" for part, end in (("_", "__"), ("/", "/"), ("/", "__"))]
            wait_until(
                lambda: not [t for t in watcher.topics() if any(part in t for part in gone)],
                "the end of the last zone",
            )


def _of(watcher: Watcher, camera: str) -> list[str]:
    return [topic for topic in watcher.topics() if f"_{camera}/" in topic or f"/{camera}/" in topic]


def _publish(broker: MqttBroker, topic: str, payload: str) -> None:
    single(topic, payload, qos=1, retain=True, hostname="127.0.0.1", port=broker.port)


HOSTILE = '"pa%ss\\ w@rd:{x}é'


def test_a_refused_password_is_shown_nowhere(tmp_path: Path, redis: RedisServer) -> None:
    """Not in logs, health or `vision check`; once the file is right the bridge gets in."""
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    passwords.chmod(0o600)
    options = ["allow_anonymous false", f"password_file {passwords}"]
    _set_password(passwords, "hauś@%2F", "the right one")
    with running_broker(tmp_path / "broker", options) as broker:
        see(redis, CameraState.ONLINE)
        with _bridged(tmp_path, redis, _settings(broker, "front")) as site:
            write_secret(site.folder / "secrets" / "mqtt_username", "hauś@%2F")
            write_secret(site.folder / "secrets" / "mqtt_password", HOSTILE)
            role = site.role("bridge", "mqtt")
            wait_until(lambda: "auth: the broker refuses" in role.log, "the refusal")
            wait_until(
                lambda: "the broker is away: auth" in site.command("healthcheck").stdout,
                "the complaint",
            )
            health = site.command("healthcheck")
            assert health.returncode == 1
            checked = site.command("check")
            assert "mqtt: auth: the broker refuses" in checked.stdout
            for shown in (role.log, health.stdout, checked.stdout, checked.stderr):
                assert HOSTILE not in shown
                assert json.dumps(HOSTILE)[1:-1] not in shown
            (site.folder / "secrets" / "mqtt_password").write_text("the right one\n")
            wait_until(lambda: "mqtt.connected" in role.log, "the connection")
            assert role.stop() == 0


def _set_password(path: Path, username: str, password: str) -> None:
    program = shutil.which("mosquitto_passwd")
    assert program is not None
    subprocess.run([program, "-b", path, username, password], check=True)


def test_a_broker_that_nobody_named_is_one_line(tmp_path: Path, redis: RedisServer) -> None:
    """With the key and what to do, and code 2."""
    with _bridged(tmp_path, redis, {}) as site:
        answer = site.command("bridge", "mqtt")
        assert answer.returncode == 2
        assert answer.stderr.splitlines()[-1].startswith("error: bridge.mqtt.url is missing: ")
