"""From the stream of events to the stream of sentences: each once, in order, in its time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.support.language_model import LanguageModel, answer, http, serving
from tests.support.messages import RUN
from tests.support.narrate_role import EventPublisher, narrations, role_settings, running_narrator
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import wait_until
from vision.domain.event import EventType
from vision.events.snapshot_store import SnapshotStore, snapshot_path
from vision.publishing.keys import narrated_key
from vision.publishing.reading.cursor import NarrationCursor
from vision.publishing.reading.subscriber import Subscriber

pytestmark = pytest.mark.integration


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A real server, empty; one kind of it, since nothing here is special to others."""
    with running_redis(tmp_path / "redis") as running:
        yield running


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    """A connection to it."""
    with server.client() as connected:
        yield connected


def _wait_for(client: redis.Redis, count: int) -> list[tuple[str, dict[str, Any]]]:
    wait_until(lambda: len(narrations(client)) >= count, f"{count} sentences")
    return narrations(client)


def test_a_visit_is_told_of_on_stream_and_channel(
    server: RedisServer, client: redis.Redis, tmp_path: Path
) -> None:
    """With who wrote it, why the others did not, and how long it took."""
    heard: list[str] = []
    stop = threading.Event()
    listening = Subscriber(server.settings(), lambda: server.password, NarrationCursor, ["front"])

    def listen() -> None:
        heard.extend(received.message.id for received in listening.messages(stop))

    thread = threading.Thread(target=listen)
    thread.start()
    broken = LanguageModel(response=http(b"{}", "500 x"))
    with serving(broken) as cloud, serving() as ollama:
        with running_narrator(
            tmp_path, server, role_settings(server, cloud.url, ollama.url)
        ) as role:
            visits = EventPublisher(client)
            ids = [visits.say(1)]
            _wait_for(client, 1)
            ids.append(visits.say(2))
            _wait_for(client, 2)
            visits.say(1, EventType.UPDATE)
            ids.append(visits.say(1, EventType.END))
            told = _wait_for(client, 3)
            metrics = role.exposition()
        wait_until(lambda: len(heard) == 3, "three live messages")
    stop.set()
    thread.join()
    assert [document["id"] for _, document in told] == ids == heard
    assert [stream_id for stream_id, _ in told] == [visits.stream_ids[n] for n in (0, 1, 3)]
    first = told[0][1]
    assert (first["provider"], first["model"]) == ("ollama", "m-ollama")
    assert [one["outcome"] for one in first["attempts"]] == ["server_error", "answered"]
    assert 0 < first["latency_ms"] < 30_000
    assert client.get(narrated_key("front")) == visits.stream_ids[-1].encode()
    for line in (
        'vision_narration_attempts_total{outcome="server_error",provider="cloud"} 2.0',
        'vision_narration_attempts_total{outcome="resting",provider="cloud"} 1.0',
        'vision_narration_provider_state{provider="cloud",state="open"} 1.0',
        'vision_narrations_total{camera="front",provider="ollama"} 3.0',
        'vision_narration_attempt_seconds_count{provider="cloud"} 2.0',
        "vision_narration_seconds_count 3.0",
    ):
        assert line in metrics, metrics


def test_a_new_start_goes_on_where_the_last_one_ended(
    server: RedisServer, client: redis.Redis, tmp_path: Path
) -> None:
    """What was there before the first start is not told; what came in between is, once."""
    visits, settings = EventPublisher(client), role_settings(server)
    visits.say(1)
    with running_narrator(tmp_path, server, settings):
        known = [visits.say(2)]
        _wait_for(client, 1)
    known += [visits.say(3), visits.say(2, EventType.END)]
    with running_narrator(tmp_path, server, settings):
        _wait_for(client, 3)
        known.append(visits.say(4))
        _wait_for(client, 4)
    client.set(narrated_key("front"), "0-0")
    with running_narrator(tmp_path, server, settings):
        known.append(visits.say(5))
        _wait_for(client, 5)
    assert [document["id"] for _, document in narrations(client)] == known


@pytest.mark.parametrize("meanwhile", ["it runs", "it is stopped"])
def test_a_stream_that_was_made_anew_is_told_of_once(
    server: RedisServer, client: redis.Redis, tmp_path: Path, meanwhile: str
) -> None:
    """Its ids are smaller than those of the sentences; by two narrators, and after a new start."""
    settings, events = role_settings(server), "vision:events:{front}"
    with running_narrator(tmp_path, server, settings):
        visits = EventPublisher(client)
        known = [visits.say(number) for number in range(1, 6)]
        _wait_for(client, 5)
        if meanwhile == "it runs":
            client.delete(events)
            visits = EventPublisher(client, run=RUN - 1_000)
            known += [visits.say(number) for number in range(6, 9)]
            _wait_for(client, 8)
    if meanwhile == "it is stopped":
        client.delete(events)
        visits = EventPublisher(client, run=RUN - 1_000)
        known += [visits.say(number) for number in range(6, 9)]
    with (
        running_narrator(tmp_path, server, settings),
        running_narrator(tmp_path, server, settings),
    ):
        known += [visits.say(number) for number in range(9, 20)]
        _wait_for(client, 19)
    # Whoever begins at the beginning tells nothing again.
    client.set(narrated_key("front"), "0-0")
    with running_narrator(tmp_path, server, settings):
        known.append(visits.say(20))
        _wait_for(client, 20)
    assert [document["id"] for _, document in narrations(client)] == known


def test_two_narrators_tell_each_event_once(
    server: RedisServer, client: redis.Redis, tmp_path: Path
) -> None:
    """One takes over where the other ends, without a word between them."""
    visits, settings = EventPublisher(client), role_settings(server)
    with running_narrator(tmp_path, server, settings):
        with running_narrator(tmp_path, server, settings):
            known = [visits.say(number) for number in range(1, 20)]
            _wait_for(client, 19)
        known.append(visits.say(20))
        _wait_for(client, 20)
    assert [document["id"] for _, document in narrations(client)] == known


def test_a_burst_is_told_of_in_time_though_a_provider_hangs(
    server: RedisServer, client: redis.Redis, tmp_path: Path
) -> None:
    """By whoever is left; the order stays that of the events."""
    limits = {"at_once": 2, "pending": 16}
    with serving(LanguageModel(silent=True)) as cloud:
        settings = role_settings(
            server, cloud.url, limits=limits, breaker={"failures": 100}, deadline_s=1.5
        )
        with running_narrator(tmp_path, server, settings):
            visits = EventPublisher(client)
            known = [visits.say(number) for number in range(1, 41)]
            told = [document for _, document in _wait_for(client, 40)]
    assert [document["id"] for document in told] == known
    # Two at a time, each as long as the provider may take, would be twenty seconds for the last;
    # a busy machine adds to the deadline what it will.
    assert max(document["latency_ms"] for document in told) < 10_000
    outcomes = {one["outcome"] for document in told for one in document["attempts"]}
    assert outcomes <= {"timeout", "busy", "no_time"}


def test_old_events_are_told_of_by_template_and_not_live(
    server: RedisServer, client: redis.Redis, tmp_path: Path
) -> None:
    """Nobody is asked for what has long been over."""
    with serving() as cloud, client.pubsub() as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe("vision:narration:{front}")
        settings = role_settings(server, cloud.url, max_age_s=30)
        with running_narrator(tmp_path, server, settings):
            visits = EventPublisher(client)
            visits.say(1, age_s=60)
            visits.say(2)
            told = [document for _, document in _wait_for(client, 2)]
        live = list(iter(lambda: pubsub.get_message(timeout=0.2), None))
    assert [document["provider"] for document in told] == ["template", "cloud"]
    assert told[0]["attempts"] == [{"provider": "cloud", "outcome": "late", "latency_ms": 0.0}]
    assert sum(message["type"] == "message" for message in live) == 1


def test_redis_goes_away_and_comes_back(
    server: RedisServer, client: redis.Redis, tmp_path: Path
) -> None:
    """A sentence that was under way is told then, once."""
    with (
        serving(LanguageModel(delay_s=0.5)) as cloud,
        running_narrator(tmp_path, server, role_settings(server, cloud.url)) as role,
    ):
        known = [EventPublisher(client).say(1)]
        wait_until(lambda: bool(cloud.asked), "the provider is asked")
        server.stop()
        time.sleep(0.7)
        server.restart()
        with server.client() as again:
            wait_until(lambda: role.is_reading, "it reads again")
            known.append(EventPublisher(again, said=1).say(2))
            told = _wait_for(again, 2)
    assert [document["id"] for _, document in told] == known


def test_what_is_no_event_is_passed_over(
    server: RedisServer, client: redis.Redis, tmp_path: Path
) -> None:
    """And what a model says that is no sentence is not passed on."""
    with (
        serving(LanguageModel(response=http(answer("<script>x</script>")))) as cloud,
        running_narrator(tmp_path, server, role_settings(server, cloud.url)),
    ):
        client.xadd("vision:events:{front}", {"message": b"\xff"}, id="1-1")
        client.xadd("vision:events:{front}", {"other": b"{}"}, id="1-2")
        EventPublisher(client).say(1)
        ((_, told),) = _wait_for(client, 1)
    assert told["provider"] == "template"
    assert told["attempts"][0]["outcome"] == "unusable"


def test_a_name_that_somebody_took_holds_up_its_own_camera_alone(
    server: RedisServer, client: redis.Redis, tmp_path: Path
) -> None:
    """Of events or of sentences, before the start or after it."""
    client.set("vision:events:{early}", "no stream")
    client.set("vision:narration:{yard}", "no stream")
    with running_narrator(tmp_path, server, role_settings(server)):
        client.set("vision:events:{late}", "no stream")
        EventPublisher(client, "yard").say(1)
        known = EventPublisher(client).say(1)
        ((_, told),) = _wait_for(client, 1)
    assert told["id"] == known


def test_a_snapshot_is_sent_only_if_the_settings_say_so(
    server: RedisServer, client: redis.Redis, tmp_path: Path
) -> None:
    """To be said twice: for the narrator, and for the provider."""
    store = SnapshotStore(tmp_path / "snapshots", max_age_s=60, max_bytes=10**6)
    snapshots = {"enabled": True, "dir": str(tmp_path / "snapshots")}
    with serving() as cloud:
        settings = role_settings(server, cloud.url) | {"events": {"snapshots": snapshots}}
        settings["narration"]["providers"][0]["images"] = True
        visits = EventPublisher(client)
        for number, images in ((1, False), (2, True)):
            settings["narration"]["images"] = images
            with running_narrator(tmp_path, server, settings):
                visit = f"front:1763898000123-{number}-0"
                assert store.write(visit, b"\xff\xd8picture")
                visits.say(number, snapshot=snapshot_path(visit))
                _wait_for(client, number)
    assert [b"data:image/jpeg" in asked.body for asked in cloud.asked] == [False, True]
    assert [document["image"] for _, document in narrations(client)] == [False, True]
