"""A follower hands on every entry, over restarts, and counts those that were trimmed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.support.following import Following
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from vision.publishing.keys import Kind, StreamKey, position_key
from vision.publishing.reading.offsets import BridgeOffsets, NarratorOffsets, OffsetStore

pytestmark = pytest.mark.integration
FRONT, YARD = "vision:events:{front}", "vision:events:{yard}"
either_memory = pytest.mark.parametrize(
    "places", [lambda: BridgeOffsets("test"), NarratorOffsets], ids=["bridge", "narrator"]
)


@either_memory
def test_it_begins_now_and_goes_on_where_it_was(
    server: RedisServer, places: Callable[[], OffsetStore]
) -> None:
    """What was there before its first start is not its own; all after it is, once."""
    with server.client() as client:
        client.xadd(FRONT, {"message": "old"})
        first = Following(server, places())
        with first.running():
            client.xadd(FRONT, {"message": "1"})
            first.wait_for("1")
            client.xadd(YARD, {"message": "of a new camera"})
            first.wait_for("1", "of a new camera")
        client.xadd(FRONT, {"message": "2"})
        second = Following(server, places())
        with second.running():
            second.wait_for("2")


@either_memory
def test_what_is_not_settled_comes_again(
    server: RedisServer, places: Callable[[], OffsetStore]
) -> None:
    """At least once, as after a crash, be it the first entry of a camera."""
    with server.client() as client:
        first = Following(server, places(), settles=False)
        with first.running(stores=False):
            client.xadd(FRONT, {"message": "1"})
            first.wait_for("1")
        second = Following(server, places())
        with second.running():
            second.wait_for("1")


def test_a_bridge_goes_on_from_the_place_of_an_older_version(server: RedisServer) -> None:
    """The hash as that one wrote it; a camera that came while it was away is all new."""
    with server.client() as client:
        for number in range(1, 4):
            client.xadd(FRONT, {"message": str(number)}, id=f"1763898000123-{number}")
        client.hset(position_key("test"), mapping={".": "", "front": "1763898000123-2 2"})
        client.xadd(YARD, {"message": "of a new camera"})
        following = Following(server)
        with following.running():
            wait_until(lambda: len(following.found) >= 2, "both")
            assert sorted(following.texts()) == ["3", "of a new camera"]
        assert not following.lost
        stored = client.hgetall(position_key("test"))
        assert stored[b"."] == b""
        assert stored[b"front"] == b"1763898000123-3 3"


def test_a_narrator_goes_on_from_the_place_of_an_older_version(server: RedisServer) -> None:
    """The string as that one wrote it; how many entries there were before it does not count."""
    with server.client() as client:
        for number in range(1, 4):
            client.xadd(FRONT, {"message": str(number)}, id=f"1763898000123-{number}")
        client.set("vision:narrated:{front}", "1763898000123-2")
        client.xadd(YARD, {"message": "never told of"})
        following = Following(server, NarratorOffsets())
        with following.running():
            following.wait_for("3")
        assert client.get("vision:narrated:{front}") == b"1763898000123-3"


def test_what_was_read_is_not_lost_with_the_connection(server: RedisServer) -> None:
    """Entries come by the hundred: the others of them are handed on after the loss, once."""
    with server.client() as client:
        client.xadd(FRONT, {"message": "0"})
    first = Following(server)
    with first.running():
        pass
    with server.client() as client:
        for number in range(1, 11):
            client.xadd(FRONT, {"message": str(number)})
    second = Following(server)
    second.gate.clear()
    with second.running():
        wait_until(lambda: bool(second.found), "the first of ten")
        server.stop()
        # So long that the place is to be stored before the second one is handed on.
        time.sleep(1.1)
        server.restart()
        second.gate.set()
        second.wait_for(*map(str, range(1, 11)))


def test_a_name_that_somebody_took_holds_up_its_own_camera_alone(server: RedisServer) -> None:
    """There at the start or taken later; given back, it is followed."""
    with server.client() as client:
        client.set(YARD, "no stream")
        following = Following(server)
        with following.running():
            client.xadd(FRONT, {"message": "1"})
            following.wait_for("1")
            client.xadd("vision:events:{shed}", {"message": "2"})
            following.wait_for("1", "2")
            client.delete("vision:events:{shed}")
            client.set("vision:events:{shed}", "no stream")
            client.xadd(FRONT, {"message": "3"})
            following.wait_for("1", "2", "3")
            client.delete(YARD)
            client.xadd(YARD, {"message": "4"})
            following.wait_for("1", "2", "3", "4")


def test_it_goes_on_after_a_crash_of_redis(server: RedisServer) -> None:
    """Nothing is handed on twice for it, and nothing left out."""
    following = Following(server)
    with following.running():
        with server.client() as client:
            client.xadd(FRONT, {"message": "1"})
            following.wait_for("1")
            wait_until(lambda: client.hget(position_key("test"), "front") is not None, "the place")
        server.stop()
        wait_until(lambda: not following.follower.connected, "the loss")
        server.restart()
        with server.client() as client:
            client.xadd(FRONT, {"message": "2"})
            following.wait_for("1", "2")


def test_what_was_trimmed_is_counted(server: RedisServer) -> None:
    """Exactly, where the server counts what it added: from 7 on."""
    with server.client() as client:
        if int(client.info("server")["redis_version"].split(".")[0]) < 7:
            pytest.skip("this server does not count what was added to a stream")
        first = Following(server)
        with first.running():
            client.xadd(FRONT, {"message": "0"})
            first.wait_for("0")
        for number in range(1, 21):
            client.xadd(FRONT, {"message": str(number)})
        client.xtrim(FRONT, maxlen=5, approximate=False)
        second = Following(server)
        with second.running():
            second.wait_for("16", "17", "18", "19", "20")
            assert second.lost == {"front": 15}


def test_a_stream_that_begins_anew_is_followed(server: RedisServer) -> None:
    """With ids below those that were known: the server had kept nothing."""
    with server.client() as client:
        following = Following(server)
        with following.running():
            client.xadd(FRONT, {"message": "1"}, id="9-1")
            following.wait_for("1")
            client.delete(FRONT)
            front = StreamKey(Kind.EVENTS, "front")
            wait_until(
                lambda: following.follower._read[front].stream_id == "0-0", "the fresh start"
            )
            client.xadd(FRONT, {"message": "2"}, id="3-1")
            following.wait_for("1", "2")
