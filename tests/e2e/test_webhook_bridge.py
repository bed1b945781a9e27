"""``vision bridge webhook`` as a process, with a real Redis and real servers."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.event_messages import event
from tests.support.redis_server import RedisServer
from tests.support.site import Site, running_site
from tests.support.waiting import wait_until
from tests.support.webhook_server import WebhookServer, answer, silence, webhook_server
from vision.config.secrets import write_secret
from vision.domain.event import EndReason, EventMessage, EventType
from vision.domain.message import utc_text
from vision.publishing.encoding import encode

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
KEY = "a key of the tests"


def _tell(redis: RedisServer, message: EventMessage) -> None:
    """Add what was published just now."""
    published = dataclasses.replace(message.time, published=utc_text(time.time_ns()))
    payload = encode(dataclasses.replace(message, time=published))
    with redis.client() as client:
        client.xadd(f"vision:events:{{{message.camera}}}", {"message": payload})


def _settings(**targets: dict[str, Any]) -> dict[str, Any]:
    listed = [{"name": name, "timeout_s": 1.0, **target} for name, target in targets.items()]
    return {"bridge": {"webhook": {"targets": listed}}}


def _give_keys(site: Site, *targets: str) -> None:
    for name in targets:
        write_secret(site.folder / "secrets" / f"webhook_{name}_key", KEY)


def _told(server: WebhookServer) -> list[tuple[int, str]]:
    found = [json.loads(request.body) for request in server.requests]
    return [(int(one["id"].split("-")[1]), one["type"]) for one in found]


def test_a_restart_neither_loses_nor_doubles(tmp_path: Path, redis: RedisServer) -> None:
    """After an orderly end; what came meanwhile comes, in order, and updates are not asked for."""
    with (
        webhook_server() as server,
        running_site(tmp_path / "site", redis, _settings(door={"url": server.url})) as site,
    ):
        _give_keys(site, "door")
        role = site.role("bridge", "webhook")
        wait_until(lambda: "bridge.started" in role.log, "the start")
        wait_until(lambda: site.command("healthcheck").returncode == 0, "health")
        _tell(redis, event(0, number=1))
        _tell(redis, event(1, number=1, kind=EventType.UPDATE))
        wait_until(lambda: _told(server) == [(1, "new")], "the first")
        assert role.stop() == 0
        _tell(redis, event(2, number=1, kind=EventType.END, end=EndReason.LEFT))
        _tell(redis, event(0, number=2))
        role.start()
        wait_until(lambda: len(server.requests) >= 3, "the rest")
        assert role.stop() == 0
        assert _told(server) == [(1, "new"), (1, "end"), (2, "new")]
        assert all(request.is_signed_with(KEY.encode()) for request in server.requests)


def test_a_kill_doubles_at_most_what_was_under_way(tmp_path: Path, redis: RedisServer) -> None:
    """The same id tells that it is the same."""
    with (
        webhook_server(answer(204), silence, answer(204)) as server,
        running_site(
            tmp_path / "site", redis, _settings(door={"url": server.url, "timeout_s": 30})
        ) as site,
    ):
        _give_keys(site, "door")
        role = site.role("bridge", "webhook")
        wait_until(lambda: "bridge.started" in role.log, "the start")
        with redis.client() as client:
            wait_until(lambda: client.exists("vision:bridge:webhook-door") == 1, "its place")
        _tell(redis, event(0, number=1))
        wait_until(lambda: len(server.requests) == 1, "the first")
        _tell(redis, event(0, number=2))
        wait_until(lambda: len(server.requests) == 2, "the second")
        role.kill()
        role.start()
        wait_until(lambda: _told(server)[-1] == (2, "new") and len(server.requests) > 2, "again")
        ids = [request.headers["webhook-id"] for request in server.requests]
        assert ids[-1] == ids[1]
        assert role.stop() == 0


def test_a_dead_target_costs_the_others_nothing(tmp_path: Path, redis: RedisServer) -> None:
    """It is told of later, once it is well; nothing secret is in the logs."""
    with webhook_server() as well, webhook_server(answer(500)) as sick:
        token = 'tok"en-of-the-test'
        settings = _settings(
            well={"url": well.url, "types": ["end"], "labels": ["person"]},
            sick={"url": f"{sick.url}/{{token}}"},
        )
        with running_site(tmp_path / "site", redis, settings) as site:
            _give_keys(site, "well", "sick")
            write_secret(site.folder / "secrets" / "webhook_sick_token", token)
            role = site.role("bridge", "webhook")
            wait_until(lambda: "bridge.started" in role.log, "the start")
            with redis.client() as client:
                wait_until(lambda: len(client.keys("vision:bridge:*")) == 2, "both places")
            for number in range(1, 11):
                _tell(redis, event(0, number=number))
                _tell(redis, event(1, number=number, kind=EventType.END, end=EndReason.LEFT))
            wait_until(lambda: len(well.requests) == 10, "all for the one that is well")
            assert {one["webhook-id"] for one in (r.headers for r in sick.requests)} == {
                sick.requests[0].headers["webhook-id"]
            }
            wait_until(
                lambda: (
                    "webhook sick: status: it answers 500" in site.command("healthcheck").stdout
                ),
                "the complaint",
            )
            assert "webhook sick: key and token are there" in site.command("check").stdout
            sick.behaviours = [answer(204)]
            wait_until(lambda: len({r.headers["webhook-id"] for r in sick.requests}) == 20, "all")
            assert role.stop() == 0
            assert token not in role.log
            assert KEY not in role.log
            assert sick.requests[0].line.startswith("POST /hook/tok%22en")


def test_a_key_that_is_missing_is_one_line(tmp_path: Path, redis: RedisServer) -> None:
    """Nothing goes out unsigned."""
    settings = _settings(door={"url": "https://h/x"})
    with running_site(tmp_path / "site", redis, settings) as site:
        answered = site.command("bridge", "webhook")
        assert answered.returncode == 2
        line = answered.stderr.splitlines()[-1]
        assert line.startswith("error: missing secret file webhook_door_key: ")
