"""``vision narrate`` for a test, and the events that it is given."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.support.event_messages import event
from tests.support.messages import RUN
from tests.support.node import validate
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from vision.config.loader import settings_from
from vision.config.secrets import write_secret
from vision.domain.event import EndReason, EventType
from vision.domain.message import utc_text
from vision.publishing.encoding import encode
from vision.publishing.keys import MESSAGE_FIELD, Kind, StreamKey
from vision.runtime.roles.narrate import NarrateRole


def role_settings(server: RedisServer, *urls: str, **narration: Any) -> dict[str, Any]:
    """Settings of a role with providers called ``cloud`` and ``ollama`` at ``urls``.

    They have the time that a busy machine may take to answer, unless ``deadline_s`` is named.
    """
    timeout_s = 1.0 if "deadline_s" in narration else 20.0
    narration = {"deadline_s": 50.0} | narration
    providers = [
        {"name": name, "url": url, "model": f"m-{name}", "timeout_s": timeout_s}
        for name, url in zip(("cloud", "ollama"), urls, strict=False)
    ]
    return {
        "redis": {"url": server.settings().url},
        "narration": {"providers": providers} | narration,
    }


@contextmanager
def running_narrator(
    folder: Path, server: RedisServer, settings: dict[str, Any]
) -> Iterator[NarrateRole]:
    """The role in a thread; what it keeps is in ``folder``."""
    secrets_dir = folder / "secrets"
    if not secrets_dir.exists():
        secrets_dir.mkdir(mode=0o700)
        write_secret(secrets_dir / "redis_password", server.password)
    places = {"secrets_dir": str(secrets_dir), "run_dir": str(folder / "run")}
    role = NarrateRole(settings_from(settings | places, "test", {}))
    stop, failures = threading.Event(), []

    def run() -> None:
        try:
            role.run(stop)
        except Exception as error:  # noqa: BLE001  raised below
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(lambda: role.is_reading or bool(failures), "the narrator reads events")
        yield role
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
    if failures:
        raise failures[0]


class EventPublisher:
    """Tells of events as the events worker does: to the stream, then to the channel."""

    def __init__(
        self,
        client: redis.Redis,
        camera: str = "front",
        *,
        said: int = 0,
        run: int = RUN,
        is_cluster: bool = False,
    ) -> None:
        """``said`` entries of ``run`` are on the stream already."""
        self._client = client
        self._camera = camera
        self._publish = "SPUBLISH" if is_cluster else "PUBLISH"
        self._said = said
        self._run = run
        self.stream_ids: list[str] = []

    def say(
        self,
        number: int,
        kind: EventType = EventType.NEW,
        *,
        age_s: float = 0.0,
        snapshot: str | None = None,
    ) -> str:
        """One message of visit ``number``; returns the id that its sentence gets."""
        revision = {EventType.NEW: 0, EventType.UPDATE: 1, EventType.END: 2}[kind]
        end = EndReason.LEFT if kind is EventType.END else None
        message = event(
            revision, camera=self._camera, number=number, kind=kind, end=end, snapshot=snapshot
        )
        published = utc_text(time.time_ns() - round(age_s * 1e9))
        message = dataclasses.replace(
            message, time=dataclasses.replace(message.time, published=published)
        )
        name, payload = str(StreamKey(Kind.EVENTS, self._camera)), encode(message)
        self._said += 1
        stream_id = f"{self._run}-{self._said}"
        self._client.xadd(name, {MESSAGE_FIELD: payload}, id=stream_id)
        self._client.execute_command(self._publish, name, payload)  # type: ignore[no-untyped-call]
        self.stream_ids.append(stream_id)
        return f"{message.id}:{revision}"


def narrations(client: redis.Redis, camera: str = "front") -> list[tuple[str, dict[str, Any]]]:
    """Ids and documents on a camera's stream, each fit for its schema."""
    entries: Any = client.xrange(str(StreamKey(Kind.NARRATION, camera)))
    return [
        (stream_id.decode(), validate(fields[MESSAGE_FIELD.encode()]))
        for stream_id, fields in entries
    ]
