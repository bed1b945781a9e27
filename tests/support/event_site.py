"""An events worker in a thread, and the streams around it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import redis

from tests.support.node import validate
from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE_S, wait_until
from vision.config.settings import Settings
from vision.domain.message import DetectionMessage, StatusMessage
from vision.events.metrics import EventMetrics
from vision.events.service import EventService
from vision.publishing.encoding import encode
from vision.resilience.troubles import Troubles
from vision.telemetry.metrics import NodeMetrics


def events_settings(server: RedisServer, **more: Any) -> Settings:
    """Settings of a worker that uses ``server``."""
    return Settings.model_validate({"redis": server.settings().model_dump(), **more})


class RunningEvents:
    """A worker that is at work until it is ended."""

    def __init__(self, server: RedisServer, settings: Settings) -> None:
        self._stop = threading.Event()
        self.metrics = NodeMetrics(lambda: (), "events")
        self.troubles = Troubles()
        self.part = EventService(
            settings,
            lambda: server.password,
            EventMetrics(self.metrics.create),
            on_invalid=self.metrics.count_invalid,
            troubles=self.troubles,
        )
        self._thread = threading.Thread(target=self.part.run, args=(self._stop,))
        self._thread.start()

    def finish(self) -> None:
        """End it as a role does."""
        self._stop.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


@contextmanager
def running_events(
    server: RedisServer, settings: Settings | None = None, *, wait: bool = True
) -> Iterator[RunningEvents]:
    """A worker for the length of a test, which tracks the cameras there are before it goes on."""
    running = RunningEvents(server, settings or events_settings(server))
    try:
        with server.client() as client:
            known = list(client.scan_iter("vision:detections:*"))
        wait_until(lambda: bool(running.part.cameras) or not known or not wait, "a camera")
        yield running
    finally:
        running.finish()


def put(client: redis.Redis, frames: Iterable[DetectionMessage]) -> None:
    """Publish as the node does, to the stream alone."""
    pipe = client.pipeline(transaction=False)
    for frame in frames:
        key = f"vision:detections:{{{frame.camera}}}"
        pipe.xadd(key, {"message": encode(frame)}, id=frame.stream_id)
    pipe.execute()


def put_status(client: redis.Redis, status: StatusMessage) -> None:
    """The same for a change of state."""
    client.xadd(f"vision:status:{{{status.camera}}}", {"message": encode(status)})


def events_of(client: redis.Redis, camera: str = "front") -> list[dict[str, Any]]:
    """What is on a camera's stream of events, each checked against the schema."""
    stream: Any = client.xrange(f"vision:events:{{{camera}}}")
    return [validate(fields[b"message"]) for _, fields in stream]


def wait_for_events(
    client: redis.Redis, what: Mapping[str, int], camera: str = "front"
) -> list[dict[str, Any]]:
    """The stream, once it has so many messages of each type."""

    def are_there() -> bool:
        types = [event["type"] for event in events_of(client, camera)]
        return all(types.count(kind) >= number for kind, number in what.items())

    wait_until(are_there, f"{dict(what)} of {camera}")
    return events_of(client, camera)


def assert_sound(events: list[dict[str, Any]]) -> None:
    """Each event begins once, ends at most once, and counts its messages without a hole."""
    by_id: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        by_id.setdefault(event["id"], []).append(event)
    for messages in by_id.values():
        assert [message["revision"] for message in messages] == list(range(len(messages)))
        types = [message["type"] for message in messages]
        assert types[0] == "new"
        assert types.count("new") == 1
        assert "end" not in types[:-1]
