"""Another server takes over: the publisher follows, and nothing is lost or doubled."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.following import Following
from tests.support.listening import listening_to, seqs_of
from tests.support.messages import detection
from tests.support.publishing import SteadyCameras, publishing_to, stream_payloads, stream_seqs
from tests.support.redis_processes import answers
from tests.support.redis_sentinel import SentinelTrio, running_sentinels
from tests.support.waiting import wait_until
from vision.domain.errors import PublishError
from vision.publishing.probe import probe_redis
from vision.publishing.reading.cursor import DetectionCursor

_log = logging.getLogger(__name__)
pytestmark = pytest.mark.integration


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[SentinelTrio]:
    """A primary, a replica and three Sentinels."""
    with running_sentinels(tmp_path) as running:
        yield running


def test_a_killed_primary_costs_nothing(trio: SentinelTrio) -> None:
    """After kill -9 messages go to the new primary: all of them, once, in order."""
    with publishing_to(trio) as running:
        cameras = SteadyCameras(running)
        cameras.wait_for(more=100)
        trio.primary().kill()
        killed_s = time.monotonic()
        running.wait_away()
        confirmed = running.observer.messages
        wait_until(lambda: running.observer.messages > confirmed, "a message on the new primary")
        failover_s = time.monotonic() - killed_s
        _log.info("failover_s=%.2f slowest_publish_ms=%.2f", failover_s, cameras.slowest_s * 1e3)
        cameras.wait_for(more=50)
        cameras.finish()
        running.wait_sent()
        assert not running.observer.drops
    cameras.assert_all_on(trio)


def test_what_the_old_primary_confirmed_and_did_not_pass_on_is_sent_again(
    trio: SentinelTrio,
) -> None:
    """Messages that only the dead server had are on the new one, where they belong."""
    with publishing_to(trio) as running:
        for seq in range(1, 11):
            running.publisher.publish(detection(seq))
        running.wait_sent()
        with trio.client(trio.replica().port) as replica:
            wait_until(
                lambda: replica.xlen("vision:detections:{front}") == 10, "the replica to follow"
            )
            # From here on the replica hears nothing from its primary, and does not lose it.
            trio.replica().signal(signal.SIGSTOP)
            for seq in range(11, 31):
                running.publisher.publish(detection(seq))
            running.wait_sent()
            trio.primary().kill()
            trio.replica().signal(signal.SIGCONT)
            running.publisher.publish(detection(31))
            wait_until(lambda: replica.xlen("vision:detections:{front}") == 31, "all messages")
        running.wait_sent()
        assert running.observer.messages == 31
        assert not running.observer.drops
    assert stream_seqs(trio) == list(range(1, 32))


def test_a_server_that_comes_back_follows(trio: SentinelTrio) -> None:
    """It asks the Sentinels before it starts: it never leads again, and has all messages soon."""
    with publishing_to(trio) as running:
        cameras = SteadyCameras(running)
        cameras.wait_for(more=20)
        trio.primary().kill()
        running.wait_away()
        running.wait_connected()
        trio.primary().restart()
        with trio.client(trio.primary().port) as returned:
            wait_until(lambda: answers(lambda: trio.client(trio.primary().port)), "the server")
            assert returned.info("replication")["role"] == "slave"
            wait_until(
                lambda: returned.info("replication")["master_link_status"] == "up", "its data"
            )
        cameras.wait_for(more=20)
        cameras.finish()
        running.wait_sent()
        assert not running.observer.drops
    cameras.assert_all_on(trio)


def test_a_demoted_primary_is_left_at_once(trio: SentinelTrio) -> None:
    """READONLY after a failover by hand leads to the new primary, not to a long wait."""
    with publishing_to(trio) as running:
        cameras = SteadyCameras(running)
        cameras.wait_for(more=50)
        trio.fail_over()
        # It takes messages that nobody will have, until the Sentinels tell it of its new role.
        wait_until(lambda: running.observer.connections == [True, False, True], "the new primary")
        cameras.wait_for(more=50)
        cameras.finish()
        running.wait_sent()
        assert not running.observer.drops
    cameras.assert_all_on(trio)
    with trio.client(trio.replica().port) as heir:
        assert heir.info("replication")["role"] == "master"


def test_a_subscriber_follows(trio: SentinelTrio) -> None:
    """The reference subscriber gets every message once and in order over a failover."""
    with publishing_to(trio) as running:
        running.wait_connected()
        with listening_to(trio, DetectionCursor, ["front"]) as listener:
            cameras = SteadyCameras(running, ["front"], period_s=0.01)
            listener.wait_for(1)
            trio.primary().kill()
            running.wait_away()
            cameras.wait_for(more=100)
            running.wait_connected()
            cameras.wait_for(more=20)
            cameras.finish()
            running.wait_sent()
            last = cameras.published["front"]
            wait_until(lambda: seqs_of(listener.received)[-1] == last, "the last message")
    seqs = seqs_of(listener.received)
    assert seqs == list(range(seqs[0], last + 1))
    assert stream_seqs(trio) == list(range(1, last + 1))


def test_sentinels_that_do_not_know_the_name_are_said(trio: SentinelTrio) -> None:
    """A mistyped name is told apart from a server that is away."""
    settings = trio.settings().model_copy(update={"sentinel_name": "other"})
    with pytest.raises(PublishError, match="its Sentinels know no primary 'other'"):
        probe_redis(settings, lambda: trio.password)
    assert "ariia of 127.0.0.1:" in probe_redis(trio.settings(), lambda: trio.password)


def test_a_follower_goes_on_at_the_new_primary(trio: SentinelTrio) -> None:
    """From its place: nothing twice, nothing left out; a restart finds the place there."""
    following = Following(trio)
    with following.running():
        with trio.client(trio.primary().port) as client:
            client.xadd("vision:events:{front}", {"message": "1"})
            following.wait_for("1")
            client.wait(1, 2000)
        trio.primary().kill()
        wait_until(lambda: not following.follower.connected, "the loss")
        wait_until(lambda: following.follower.connected, "the new primary")
        with trio.client(trio.replica().port) as client:
            client.xadd("vision:events:{front}", {"message": "2"})
            following.wait_for("1", "2")
    again = Following(trio)
    with again.running():
        with trio.client(trio.replica().port) as client:
            client.xadd("vision:events:{front}", {"message": "3"})
        again.wait_for("3")


def test_sentinels_with_a_password_get_that_of_redis(tmp_path: Path) -> None:
    """One secret file serves both."""
    with (
        running_sentinels(tmp_path, sentinel_password=True) as trio,
        publishing_to(trio) as running,
    ):
        running.publisher.publish(detection(1))
        running.wait_sent()
        assert list(stream_payloads(trio)) == [detection(1).stream_id]
