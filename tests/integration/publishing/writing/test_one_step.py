"""Stream and live channel are written in one step: what is heard is on the stream, in order, once."""

from __future__ import annotations

import pytest

from tests.support.logs import log_lines
from tests.support.messages import RUN, detection, status
from tests.support.publishing import (
    SteadyCameras,
    publishing_to,
    stream_payloads,
    stream_seqs,
)
from tests.support.raw_redis import RawSubscriber
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from vision.config.core import PublishingSettings
from vision.domain.losses import DropReason
from vision.publishing.keys import Kind

pytestmark = pytest.mark.integration
_KEY = "vision:detections:{front}"
_STATUS = "vision:status:{front}"


def test_what_the_stream_refuses_is_not_heard(server: RedisServer) -> None:
    """A replica that was stopped while another one served its camera says nothing late."""
    with RawSubscriber(server, _KEY) as live, publishing_to(server) as other:
        heard = [other.publisher.publish(detection(seq)) for seq in (1, 2, 5)]
        other.wait_sent()
        with publishing_to(server) as late:
            late.publisher.publish(detection(3))
            late.publisher.publish(detection(4))
            late.wait_sent()
            assert late.observer.drops == {("front", DropReason.REFUSED_ID): 2}
        heard.append(other.publisher.publish(detection(6)))
        assert live.payloads_until(heard[-1]) == heard
    assert list(stream_payloads(server).values()) == heard


def test_a_refused_key_is_not_heard_until_it_is_taken(server: RedisServer) -> None:
    """Of all that waits at a key of another type, nothing goes live before it is stored."""
    with (
        RawSubscriber(server, _KEY) as live,
        publishing_to(server, PublishingSettings(live_max_age_ms=60_000)) as running,
        server.client() as client,
    ):
        client.set(_KEY, "not a stream")
        payloads = [running.publisher.publish(detection(seq)) for seq in range(1, 51)]
        wait_until(lambda: running.publisher.depth == 50, "the messages to be held")
        client.publish(_KEY, "nothing before this")
        assert live.next_payload() == b"nothing before this"
        client.delete(_KEY)
        assert live.payloads_until(payloads[-1]) == payloads
    assert list(stream_payloads(server).values()) == payloads


def test_scripts_that_redis_forgot_are_loaded_again(server: RedisServer) -> None:
    """SCRIPT FLUSH in mid-stream costs nothing and doubles nothing."""
    with (
        RawSubscriber(server, _KEY) as live,
        publishing_to(server) as running,
        server.client() as client,
    ):
        cameras = SteadyCameras(running)
        for _ in range(20):
            cameras.wait_for(more=10)
            client.script_flush()
        cameras.finish()
        running.wait_sent()
        assert running.observer.connections == [True]
        assert not running.observer.drops
        heard = live.payloads_until(cameras.payloads["front"][-1])
    cameras.assert_all_on(server)
    assert heard == cameras.payloads["front"]


def test_a_user_without_scripts_is_told_and_waited_for(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Rights that lack what the script needs hold messages up; they lose none."""
    with server.client() as client:
        client.execute_command(  # type: ignore[no-untyped-call]
            *("ACL", "SETUSER", "narrow", "on", ">narrow", "~*", "&*", "+@all", "-evalsha")
        )
        settings = server.settings().model_copy(update={"username": "narrow"})
        with publishing_to(server, settings=settings, password=lambda: "narrow") as running:
            for seq in range(1, 11):
                running.publisher.publish(detection(seq))
            wait_until(lambda: "code=NOPERM" in caplog.text, "the word on it")
            client.execute_command("ACL", "SETUSER", "narrow", "+evalsha", "-xadd")  # type: ignore[no-untyped-call]
            running.publisher.publish(detection(1, camera="yard"))
            wait_until(lambda: len(log_lines(caplog, "publish.held")) == 2, "the other word")
            client.execute_command("ACL", "SETUSER", "narrow", "+xadd")  # type: ignore[no-untyped-call]
            running.wait_sent()
            assert not running.observer.drops
    assert stream_seqs(server) == list(range(1, 11))


def test_one_round_trip_takes_a_batch(server: RedisServer) -> None:
    """Messages of several cameras and their states need one command each, not two."""
    with publishing_to(server) as running, server.client() as client:
        running.publisher.publish(detection(1))
        running.wait_sent()
        before = client.info("commandstats")
        for seq in range(2, 102):
            running.publisher.publish(detection(seq))
            running.wait_sent()
        after = client.info("commandstats")
    calls = {
        name: after[name]["calls"] - before.get(name, {"calls": 0})["calls"]
        for name in ("cmdstat_evalsha", "cmdstat_xadd", "cmdstat_publish")
    }
    assert calls == {"cmdstat_evalsha": 100, "cmdstat_xadd": 100, "cmdstat_publish": 100}


@pytest.mark.parametrize("limit", ["what it holds", "nothing"])
def test_a_full_server_takes_new_messages_for_old_ones(
    server: RedisServer, caplog: pytest.LogCaptureFixture, limit: str
) -> None:
    """At its limit of memory the oldest make way; live and stream go on, gaps there are none."""
    with (
        publishing_to(server) as running,
        server.client() as client,
    ):
        running.publisher.publish_status(status())
        for seq in range(1, 2001):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        used = client.info("memory")["used_memory"] if limit == "what it holds" else 1
        full = client.memory_usage(_KEY, samples=0) or 0
        client.config_set("maxmemory", str(used))
        with RawSubscriber(server, _KEY) as live:
            payloads = [running.publisher.publish(detection(seq)) for seq in range(2001, 4001)]
            told = running.publisher.publish_status(status(reason="still here"))
            assert live.payloads_until(payloads[-1]) == payloads
        running.wait_sent()
        assert not running.observer.drops
        on_stream = list(stream_payloads(server).values())
        assert 0 < len(on_stream) < 4000
        assert on_stream == payloads[-len(on_stream) :] or on_stream[-2000:] == payloads
        assert list(stream_payloads(server, kind=Kind.STATUS).values())[-1] == told
        assert (client.memory_usage(_KEY, samples=0) or 0) <= max(used, full)
        client.config_set("maxmemory", "0")
        running.publisher.publish(detection(4001))
        running.wait_sent()
    assert log_lines(caplog, "publish.trimmed")


def test_a_status_behind_its_stream_is_heard_once(server: RedisServer) -> None:
    """Appended under an id of Redis' own, in the order in which it is heard."""
    with (
        server.client() as client,
        RawSubscriber(server, _STATUS) as live,
        publishing_to(server) as running,
    ):
        client.xadd(_STATUS, {"message": "of another run"}, id=f"{RUN + 10**13}-1")
        told = [running.publisher.publish_status(status(reason=word)) for word in "abc"]
        assert live.payloads_until(told[-1]) == told
        running.wait_sent()
    assert list(stream_payloads(server, kind=Kind.STATUS).values())[1:] == told
