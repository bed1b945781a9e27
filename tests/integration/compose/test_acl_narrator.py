"""The narrator's user on Redis: its own code runs with its rights, and nothing else does."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import redis

from tests.support.compose_redis import StackRedis
from tests.support.narrate_role import EventPublisher, narrations
from tests.support.waiting import wait_until
from vision.config.loader import settings_from
from vision.config.secrets import write_secret
from vision.publishing.reading.cursor import NarrationCursor
from vision.publishing.reading.subscriber import Subscriber
from vision.runtime.roles.narrate import NarrateRole

pytestmark = pytest.mark.integration
EVENTS = "vision:events:{front}"
NARRATION = "vision:narration:{front}"


def test_events_are_told_of_with_the_rights_of_the_role(server: StackRedis, tmp_path: Path) -> None:
    """Twice, so that it goes on where it was; a subscriber hears the sentences."""
    (tmp_path / "secrets").mkdir(mode=0o700)
    write_secret(tmp_path / "secrets" / "redis_password", server.password("narrator"))
    settings = settings_from(
        {
            "redis": server.settings("narrator").model_dump(),
            "secrets_dir": str(tmp_path / "secrets"),
            "run_dir": str(tmp_path / "run"),
        },
        "test",
        {},
    )
    heard: list[str] = []
    ended = threading.Event()
    listening = Subscriber(
        server.settings("subscriber"), lambda: server.password("subscriber"), NarrationCursor
    )

    def listen() -> None:
        heard.extend(received.message.id for received in listening.messages(ended))

    hearing = threading.Thread(target=listen)
    hearing.start()
    with server.client("admin") as admin:
        visits, known = EventPublisher(admin), []
        for number in (1, 2):
            stop, role = threading.Event(), NarrateRole(settings)
            working = threading.Thread(target=role.run, args=(stop,))
            working.start()
            wait_until(lambda role=role: role.is_reading, "it reads")  # type: ignore[misc]
            known.append(visits.say(number))
            wait_until(lambda number=number: len(narrations(admin)) == number, "it is told")  # type: ignore[misc]
            stop.set()
            working.join(10)
    wait_until(lambda: heard == known, "the subscriber heard")
    ended.set()
    hearing.join(10)


@pytest.mark.parametrize(
    ("user", "command"),
    [
        ("narrator", ("XADD", EVENTS, "*", "message", "{}")),
        ("narrator", ("PUBLISH", EVENTS, "{}")),
        ("narrator", ("SUBSCRIBE", EVENTS)),
        ("narrator", ("SET", "vision:bridge:mqtt", "x")),
        ("narrator", ("XRANGE", "vision:detections:{front}", "-", "+")),
        ("narrator", ("GET", "vision:frame:{front}")),
        ("narrator", ("SET", "vision:state:{front}", "x")),
        ("narrator", ("HGETALL", "vision:state:{front}")),
        ("narrator", ("DEL", NARRATION)),
        ("narrator", ("SUBSCRIBE", "vision:picture:{front}")),
        ("narrator", ("CONFIG", "GET", "*")),
        ("subscriber", ("XADD", NARRATION, "*", "message", "{}")),
        ("subscriber", ("PUBLISH", NARRATION, "{}")),
        ("subscriber", ("GET", "vision:narrated:{front}")),
        ("events", ("XADD", NARRATION, "*", "message", "{}")),
        ("infer", ("XADD", NARRATION, "*", "message", "{}")),
    ],
)
def test_what_is_not_its_part_is_refused(
    server: StackRedis, user: str, command: tuple[str, ...]
) -> None:
    """As for the other users."""
    with server.client(user) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)  # type: ignore[no-untyped-call]
