"""``vision narrate`` as a process: killed, ended, and looked through for its key."""

from __future__ import annotations

import os
import re
import secrets
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.language_model import LanguageModel, answer, http, serving
from tests.support.narrate_role import EventPublisher, narrations, role_settings
from tests.support.redis_contents import redis_contents
from tests.support.redis_server import RedisServer
from tests.support.secret_encodings import shown_in
from tests.support.site import Role, Site, running_site
from tests.support.waiting import wait_until
from vision.config.secrets import write_secret
from vision.domain.event import EventType

pytestmark = pytest.mark.e2e
# As hostile as one that fits into a header can be.
KEY = f"sk-p@:/%\"'\\<&{secrets.token_hex(6)}"
METRICS_TOKEN = secrets.token_urlsafe(16)


def _started(site: Site) -> Role:
    role = site.role("narrate")
    wait_until(lambda: "narrate.started" in role.log, f"it has started:\n{role.log}")
    return role


def _is_reading(site: Site) -> bool:
    file = site.folder / "run" / "narrate.json"
    return file.exists() and "Redis answers" in file.read_text()


def test_a_narrator_that_is_killed_tells_each_event_once(
    redis: RedisServer, tmp_path: Path
) -> None:
    """In the middle of a sentence, and again and again; none is lost and the order stays."""
    with (
        serving(LanguageModel(delay_s=0.2)) as cloud,
        redis.client() as client,
        running_site(tmp_path / "site", redis, role_settings(redis, cloud.url)) as site,
    ):
        visits, known = EventPublisher(client), []
        role = _started(site)
        wait_until(lambda: _is_reading(site), "it reads")
        for number in range(1, 5):
            asked = len(cloud.asked)
            known += [visits.say(number), visits.say(number, EventType.END)]
            wait_until(lambda asked=asked: len(cloud.asked) > asked, "it asks")  # type: ignore[misc]
            role.kill()
            role.start()
        wait_until(lambda: len(narrations(client)) == len(known), "all are told")
        assert [document["id"] for _, document in narrations(client)] == known
        assert {document["provider"] for _, document in narrations(client)} == {"cloud"}
        assert role.stop() == 0


def test_it_ends_at_once_while_a_provider_hangs(redis: RedisServer, tmp_path: Path) -> None:
    """What was under way is told by the next one."""
    with (
        serving(LanguageModel(silent=True)) as cloud,
        redis.client() as client,
        running_site(tmp_path / "site", redis, role_settings(redis, cloud.url)) as site,
    ):
        role = _started(site)
        wait_until(lambda: _is_reading(site), "it reads")
        known = [EventPublisher(client).say(1)]
        wait_until(lambda: bool(cloud.asked), "it asks")
        assert "healthy: narrate: Redis answers" in site.command("healthcheck").stdout
        began_s = time.monotonic()
        assert role.stop() == 0
        # Less than the provider has; the stack gives twenty seconds.
        assert time.monotonic() - began_s < 15
        cloud.say("Es ist jemand da.")
        role.start()
        wait_until(lambda: bool(narrations(client)), "it is told")
        assert [document["id"] for _, document in narrations(client)] == known


def test_wrong_settings_are_told_in_one_line(redis: RedisServer, tmp_path: Path) -> None:
    """With code 2."""
    settings = role_settings(redis, "https://key:pw@api.example.org/v1")
    with running_site(tmp_path / "site", redis, settings) as site:
        done = site.command("narrate")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "narration.providers.0.url: holds a user name or password" in done.stderr


def _process(role: Role) -> str:
    own = Path(f"/proc/{role.process.pid}")
    return (own / "cmdline").read_text() + (own / "environ").read_bytes().decode()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_nothing_that_a_narrator_shows_holds_the_key(
    redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    """Though one provider refuses it and says it back, and another tells it in its sentence."""
    canary = f"canary/{secrets.token_hex(8)}"
    monkeypatch.setenv("CANARY", canary)
    said_back = f'{{"error": {{"message": "Incorrect API key provided: {KEY}"}}}}'.encode()
    refusal = http(said_back, "401 Unauthorized", "application/json", f"X-Key: {KEY}")
    with (
        serving(LanguageModel(response=refusal)) as cloud,
        serving(
            LanguageModel(response=http(answer(f"The key is {KEY.split('<', maxsplit=1)[0]}.")))
        ) as ollama,
    ):
        settings: dict[str, Any] = role_settings(redis, cloud.url, ollama.url) | {
            "logs": {"level": "debug", "format": log_format},
            "metrics": {"host": "127.0.0.1", "port": 0},
        }
        with (
            running_site(tmp_path / "site", redis, settings) as site,
            redis.client() as client,
            client.pubsub() as pubsub,  # type: ignore[no-untyped-call]
        ):
            for name in ("cloud", "ollama"):
                write_secret(site.folder / "secrets" / f"narration_{name}_key", KEY)
            write_secret(site.folder / "secrets" / "metrics_token", METRICS_TOKEN)
            pubsub.psubscribe("*")
            role = _started(site)
            wait_until(lambda: _is_reading(site), "it reads")
            visits = EventPublisher(client)
            for number in range(1, 4):
                visits.say(number)
            wait_until(lambda: len(narrations(client)) == 3, "all are told")
            address = re.search(r"metrics=(http[^\s\"]+)", role.log)
            assert address is not None
            bearer = {"authorization": f"Bearer {METRICS_TOKEN}"}
            seen = {
                "metrics": httpx.get(address[1], headers=bearer, timeout=30).text,
                "database": redis_contents(redis),
                "channels": "\n".join(
                    map(repr, iter(lambda: pubsub.get_message(timeout=0.2), None))
                ),
                "process": _process(role),
                "run_dir": "".join(
                    file.read_text() for file in (site.folder / "run").glob("*.json")
                ),
                "healthcheck": site.command("healthcheck").stdout,
                "check": "".join(str(site.command("check"))),
            }
            os.kill(role.process.pid, 0)
            assert role.stop() == 0
            seen["log"] = role.log
    for place, proof in {
        "metrics": "vision_narration_attempts_total",
        "database": "vision.narration/1",
        "channels": "vision.narration/1",
        "process": "narrate",
        "run_dir": "narrate",
        "healthcheck": "healthy",
        "check": "narration cloud: unauthorized",
        "log": "unauthorized",
    }.items():
        assert proof in seen[place], f"{place}: {seen[place]}"
    for place, text in seen.items():
        assert not shown_in(text, KEY, METRICS_TOKEN), place
    assert shown_in(seen["process"], canary), "what stands in an environment is found"
    assert cloud.asked[0].headers["authorization"] == f"Bearer {KEY}"
