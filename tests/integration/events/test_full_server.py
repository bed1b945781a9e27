"""A Redis at its limit of memory: events and sentences go on, and the oldest make way."""

from __future__ import annotations

import logging
import threading
from contextlib import closing

import pytest

from tests.support.messages import RUN
from tests.support.narrations import narration
from tests.support.raw_redis import RawSubscriber
from tests.support.redis_server import RedisServer
from vision.events.redis_store import EventStore, EventWrite
from vision.narration.writer import NarrationWriter, WriteOutcome
from vision.publishing.encoding import encode
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.reading.stream_reader import StoredMessage
from vision.redis.connector import RedisConnector
from vision.redis.skipped_keys import SkippedKeys
from vision.resilience.troubles import Troubles

_log = logging.getLogger(__name__)
pytestmark = pytest.mark.integration
_EVENTS, _NARRATION = "vision:events:{front}", "vision:narration:{front}"
_TEXT = b"x" * 1000


def test_events_are_written_and_heard(server: RedisServer) -> None:
    """Leases, the state and messages, in order, none twice; old messages make way."""
    connector = RedisConnector(server.settings(), lambda: server.password)
    with (
        closing(connector.open()) as link,
        server.client() as client,
        RawSubscriber(server, _EVENTS) as live,
    ):
        for number in range(1, 501):
            client.xadd(_EVENTS, {"message": _TEXT}, id=f"{RUN}-{number}")
        client.config_set("maxmemory", "1")
        store = EventStore(link, "worker", 10_000, SkippedKeys(_log, "events"))
        assert store.workers() == 1
        assert store.hold(["front"]) == {"front"}
        told = [b"%d" % number + _TEXT for number in range(501, 601)]
        for number, payload in enumerate(told, 501):
            messages = [StoredMessage(f"{RUN}-{number}", payload)]
            written = EventWrite("front", messages, b"state %d" % number)
            assert store.write([written]) == {"front"}
            assert store.write([written]) == {"front"}
        assert live.payloads_until(told[-1]) == told
        assert store.hold(["front"]) == {"front"}
        assert store.state("front") == b"state 600"
        client.config_set("maxmemory", "0")
        kept = [payload for _, payload in store.newest(StreamKey(Kind.EVENTS, "front"), 1000)]
    assert 0 < len(kept) < 500
    assert kept[-10:] == told[-10:]


def test_sentences_are_written_and_heard(server: RedisServer) -> None:
    """Once each, also where they are told a second time."""
    writer = NarrationWriter(server.settings(), lambda: server.password, 10_000, Troubles())
    stop = threading.Event()
    with server.client() as client, RawSubscriber(server, _NARRATION) as live:
        client.config_set("maxmemory", "1")
        for number in range(1, 201):
            message = narration(number, text=f"{number} {'x' * 1000}")
            stream_id = f"{RUN}-{number}"
            assert writer.narrate(message, stream_id, stop, live=True) is WriteOutcome.TOLD
            assert writer.narrate(message, stream_id, stop, live=True) is WriteOutcome.KNOWN
            assert live.next_payload() == encode(message)
        client.script_flush()
        assert writer.narrate(narration(201), f"{RUN}-201", stop, live=True) is WriteOutcome.TOLD
        client.config_set("maxmemory", "0")
        assert 0 < client.xlen(_NARRATION) < 201
    writer.close()
