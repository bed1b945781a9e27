"""One key of another type costs its own camera's messages, and no other camera anything."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import redis

from tests.support.event_messages import event
from tests.support.following import Following
from tests.support.foreign_keys import each_occupant, put_list
from tests.support.listening import listening_to
from tests.support.messages import RUN, detection
from tests.support.redis_cluster import running_cluster
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from vision.domain.message import DetectionMessage
from vision.publishing.encoding import encode
from vision.publishing.reading.cursor import DetectionCursor
from vision.publishing.reading.offsets import BridgeOffsets, NarratorOffsets, OffsetStore

pytestmark = pytest.mark.integration
Occupy = Callable[[redis.Redis, str], None]
FRONT, YARD = "vision:events:{front}", "vision:events:{yard}"


def _publish(client: redis.Redis, message: DetectionMessage) -> None:
    key = f"vision:detections:{{{message.camera}}}"
    client.xadd(key, {"message": encode(message)}, id=message.stream_id)
    client.publish(key, encode(message))


@each_occupant
def test_a_follower_goes_on_with_the_others_and_takes_the_key_in_again(
    server: RedisServer, occupy: Occupy
) -> None:
    """While it reads, and from its start."""
    with server.client() as client:
        following = Following(server)
        with following.running():
            client.xadd(FRONT, {"message": "1"})
            following.wait_for("1")
            client.delete(FRONT)
            occupy(client, FRONT)
            client.xadd(YARD, {"message": "2"})
            following.wait_for("1", "2")
            wait_until(lambda: FRONT in "".join(following.troubles.reasons()), "the key by name")
            assert following.follower.connected
            client.delete(FRONT)
            client.xadd(FRONT, {"message": "3"})
            following.wait_for("1", "2", "3")
            wait_until(lambda: not following.troubles.reasons(), "no complaint")
        client.delete(FRONT)
        occupy(client, FRONT)
        again = Following(server)
        with again.running():
            client.xadd(YARD, {"message": "4"})
            again.wait_for("4")


@each_occupant
def test_a_narrator_s_place_of_another_type_leaves_its_camera_out(
    server: RedisServer, occupy: Occupy
) -> None:
    """Where nobody can say what was told, nothing is told; what came meanwhile is, afterwards."""
    place = "vision:narrated:{front}"
    if occupy.__name__ == "put_string":
        pytest.skip("a string is what it is to be")
    with server.client() as client:
        client.xadd(FRONT, {"message": "old"})
        client.xadd(YARD, {"message": "old"})
        occupy(client, place)
        following = Following(server, NarratorOffsets())
        with following.running():
            client.xadd(YARD, {"message": "1"})
            following.wait_for("1")
            assert place in "".join(following.troubles.reasons())
            client.delete(place)
            wait_until(lambda: not following.troubles.reasons(), "the camera")
            client.xadd(FRONT, {"message": "2"})
            following.wait_for("1", "2")


def test_a_bridge_without_its_places_says_which_key_it_is(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """All cameras' places lie there: without them nothing is read, and it is not well."""
    with server.client() as client:
        client.lpush("vision:bridge:test", "somebody else's")
        client.xadd(FRONT, {"message": "1"})
        following = Following(server)
        with following.running(waits=False):
            wait_until(lambda: "vision:bridge:test" in caplog.text, "the key by name")
            assert not following.follower.connected
            client.delete("vision:bridge:test")
            wait_until(lambda: following.follower.connected, "the key")


@pytest.mark.parametrize(
    "text", ["x", "1", "1-", "٣-٤ 5", f"{2**64}-1 3", "1-1 " + "9" * 5_000, "\xff"]
)
@pytest.mark.parametrize("places", [lambda: BridgeOffsets("test"), NarratorOffsets])
def test_a_place_that_is_none_stops_nobody(
    server: RedisServer, text: str, places: Callable[[], OffsetStore]
) -> None:
    """What was not remembered is read again, or begun with what comes now."""
    with server.client() as client:
        client.hset("vision:bridge:test", mapping={".": "", "front": text})
        client.set("vision:narrated:{front}", text)
        client.xadd(FRONT, {"message": "old"})
        following = Following(server, places())
        with following.running():
            client.xadd(FRONT, {"message": "1"})
            wait_until(lambda: "1" in following.texts(), "what comes")


def test_a_follower_reads_a_stream_made_anew_from_its_beginning(server: RedisServer) -> None:
    """Its ids are smaller; those of one that only lost its end are not read again."""
    with server.client() as client:
        following = Following(server)
        with following.running():
            for number in range(1, 4):
                client.xadd(FRONT, {"message": str(number)}, id=f"{RUN}-{number}")
            following.wait_for("1", "2", "3")
            pipe = client.pipeline()
            pipe.delete(FRONT)
            pipe.xadd(FRONT, {"message": "1"}, id=f"{RUN}-1")
            pipe.xadd(FRONT, {"message": "2"}, id=f"{RUN}-2")
            pipe.execute()
            client.xadd(YARD, {"message": "y"})
            following.wait_for("1", "2", "3", "y")
            pipe.delete(FRONT)
            pipe.xadd(FRONT, {"message": "a"}, id=f"{RUN - 1}-1")
            pipe.xadd(FRONT, {"message": "b"}, id=f"{RUN - 1}-2")
            pipe.execute()
            following.wait_for("1", "2", "3", "y", "a", "b")


@each_occupant
def test_a_subscriber_goes_on_with_the_others(server: RedisServer, occupy: Occupy) -> None:
    """With a stream that was none from the start, and with one that became so."""
    detections = "vision:detections:{front}"
    with server.client() as client:
        occupy(client, detections)
        _publish(client, detection(1, camera="yard"))
        with listening_to(server, DetectionCursor, (), replay=1) as listener:
            listener.wait_for(1)
            _publish(client, detection(2, camera="yard"))
            listener.wait_for(2)
            assert detections in "".join(listener.troubles.reasons())
            client.delete(detections)
            wait_until(lambda: not listener.troubles.reasons(), "no complaint")
            _publish(client, detection(1))
            received = listener.wait_for(3)
    assert [item.message.id for item in received] == [
        f"yard:{RUN}-1",
        f"yard:{RUN}-2",
        f"front:{RUN}-1",
    ]


def test_rubbish_between_messages_is_counted_and_passed_by(server: RedisServer) -> None:
    """Entries without the field, of bytes, of another camera: live and from the stream."""
    key, invalid = "vision:detections:{front}", []
    with server.client() as client:
        client.xadd(key, {"other": "field"}, id=f"{RUN}-1")
        client.xadd(key, {"message": b"\xff\x00"}, id=f"{RUN}-2")
        client.xadd(key, {"message": encode(detection(3, camera="yard"))}, id=f"{RUN}-3")
        client.xadd(key, {"message": encode(detection(4))}, id=f"{RUN}-4")
        with listening_to(
            server,
            DetectionCursor,
            (),
            replay=9,
            on_invalid=lambda *what: invalid.append(what),
        ) as listener:
            listener.wait_for(1)
            client.publish(key, b"[" * 10_000)
            client.publish(key, encode(event()))
            client.publish("vision:detections:{../../x}", encode(detection(5)))
            _publish(client, detection(5))
            received = listener.wait_for(2)
    assert [item.message.seq for item in received] == [4, 5]
    assert invalid == [("front", "detections")] * 5


def test_in_a_cluster_one_key_costs_its_camera_only(tmp_path: Path) -> None:
    """Its streams are read one by one anyway."""
    with running_cluster(tmp_path) as cluster, closing(cluster.link()) as link:

        def node(key: str) -> redis.Redis:
            return link.node_of(key)

        following = Following(cluster)
        with following.running():
            put_list(node(FRONT), FRONT)
            node(YARD).xadd(YARD, {"message": "1"})
            following.wait_for("1")
            wait_until(lambda: FRONT in "".join(following.troubles.reasons()), "the key by name")
            node(FRONT).delete(FRONT)
            node(FRONT).xadd(FRONT, {"message": "2"})
            following.wait_for("1", "2")
