"""A Redis Cluster: every camera on the node that has its slot, through everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.following import Following
from tests.support.listening import listening_to, seqs_of
from tests.support.messages import detection, status
from tests.support.publishing import SteadyCameras, publishing_to, stream_payloads, stream_seqs
from tests.support.redis_cluster import RedisCluster, running_cluster
from tests.support.redis_processes import command
from tests.support.redis_server import running_redis
from tests.support.waiting import PATIENCE_S, wait_until
from vision.domain.errors import ConfigError
from vision.frames.redis_source import RedisFrameSource
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.probe import probe_redis
from vision.publishing.reading.cursor import DetectionCursor

pytestmark = pytest.mark.integration
# Their slots lie on all three nodes, as the first test asserts.
_CAMERAS = ("front", "yard", "gate", "door", "hall", "shed")


def _key(camera: str) -> str:
    return str(StreamKey(Kind.DETECTIONS, camera))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Three primaries, shared by tests that leave no camera behind."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def empty(cluster: RedisCluster) -> RedisCluster:
    """The cluster without keys."""
    for port in cluster.nodes:
        with cluster.client(port) as client:
            client.flushall()
    return cluster


def test_every_camera_goes_to_its_node(empty: RedisCluster) -> None:
    """Streams, states and sharded channels of one camera lie on one node, found by its slot."""
    nodes = {camera: empty.port_of(_key(camera)) for camera in _CAMERAS}
    assert set(nodes.values()) == set(empty.nodes)
    with publishing_to(empty) as running:
        for camera in _CAMERAS:
            running.publisher.publish_status(status(camera=camera))
            running.publisher.publish(detection(1, camera=camera))
        running.wait_sent()
        assert running.publisher.last_stream_runs(_CAMERAS).keys() == set(_CAMERAS)
        assert not running.observer.drops
    for camera, port in nodes.items():
        assert stream_seqs(empty, camera) == [1]
        with empty.client(port) as client:
            assert client.hget(f"vision:state:{{{camera}}}", "state") == b"online"


def test_the_live_channel_is_sharded(empty: RedisCluster) -> None:
    """SSUBSCRIBE on the camera's node hears each message once."""
    with empty.client(empty.port_of(_key("front"))) as client:
        pubsub = client.pubsub(ignore_subscribe_messages=True)
        pubsub.ssubscribe(_key("front"))
        assert pubsub.get_message(timeout=PATIENCE_S) is None
        with publishing_to(empty) as running:
            payloads = [running.publisher.publish(detection(seq)) for seq in (1, 2, 3)]
            running.wait_sent()
        heard = [pubsub.get_message(timeout=PATIENCE_S) for _ in payloads]
        pubsub.close()
    assert [reply["data"] for reply in heard if reply] == payloads


def test_one_refused_camera_holds_up_no_other(empty: RedisCluster) -> None:
    """As on a single server: what one node says of one key concerns that camera alone."""
    with empty.client(empty.port_of(_key("front"))) as client, publishing_to(empty) as running:
        client.set(_key("front"), "not a stream")
        for camera in _CAMERAS:
            running.publisher.publish(detection(1, camera=camera))
        wait_until(lambda: running.publisher.depth == 1, "the other cameras")
        client.delete(_key("front"))
        running.wait_sent()
    for camera in _CAMERAS:
        assert stream_seqs(empty, camera) == [1]


def test_a_slot_that_moves_takes_its_messages_along(empty: RedisCluster) -> None:
    """MOVED leads to the new node: nothing is lost, doubled, or out of order."""
    key = _key("front")
    with publishing_to(empty) as running:
        cameras = SteadyCameras(running, _CAMERAS)
        cameras.wait_for(more=30)
        _move_slot(empty, key)
        cameras.wait_for(more=30)
        cameras.finish()
        running.wait_sent()
        assert not running.observer.drops
    cameras.assert_all_on(empty)


def test_a_subscriber_hears_all_cameras_also_later_ones(empty: RedisCluster) -> None:
    """Channels of a cluster have no patterns: new cameras are found by their streams."""
    with publishing_to(empty) as running:
        running.publisher.publish(detection(1))
        running.wait_sent()
        with listening_to(empty, DetectionCursor, replay=1) as listener:
            listener.wait_for(1)
            for camera in ("front", "yard", "gate"):
                first = int(camera != "front")
                running.publisher.publish(detection(2, camera=camera, skipped=first))
                running.publisher.publish(detection(3, camera=camera))
            listener.wait_for(7)
            running.publisher.publish(detection(4, camera="yard"))
            received = listener.wait_for(8)
    assert seqs_of(received) == [1, 2, 3]
    assert seqs_of(received, "yard") == [2, 3, 4]
    assert seqs_of(received, "gate") == [2, 3]
    assert not received[-1].is_replayed


def test_a_follower_reads_cameras_of_all_slots(empty: RedisCluster) -> None:
    """Also of several on one node, which no one command may name together."""
    following = Following(empty)
    with following.running():
        for camera in _CAMERAS:
            with empty.client(empty.port_of(_key(camera))) as client:
                client.xadd(f"vision:events:{{{camera}}}", {"message": camera})
        wait_until(lambda: len(following.found) >= len(_CAMERAS), "all cameras")
    assert {entry.camera: entry.payload.decode() for entry in following.found} == {
        camera: camera for camera in _CAMERAS
    }
    again = Following(empty)
    with again.running():
        with empty.client(empty.port_of(_key("front"))) as client:
            client.xadd("vision:events:{front}", {"message": "new"})
        again.wait_for("new")


def test_check_tells_of_the_cluster(empty: RedisCluster) -> None:
    """`vision check` names the nodes it found."""
    said = probe_redis(empty.settings(), lambda: empty.password)
    assert said.startswith(f"cluster of {empty.settings().cluster_nodes[0]} at 127.0.0.1:")


def test_frames_are_refused_in_one_line(empty: RedisCluster) -> None:
    """The roles that pass frames over Redis cannot use a cluster, and say so at the start."""
    with pytest.raises(ConfigError, match=r"^redis\.cluster_nodes: [^\n]*use vision run$"):
        RedisFrameSource(empty.settings(), lambda: empty.password, 1000)


def test_a_server_that_is_no_cluster_is_waited_for_with_a_word(
    empty: RedisCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A plain server under redis.cluster_nodes does not end the node."""
    with running_redis(tmp_path / "plain") as plain:
        settings = empty.settings().model_copy(
            update={"cluster_nodes": (f"127.0.0.1:{plain.port}",)}
        )
        with publishing_to(plain, settings=settings) as running:
            running.publisher.publish(detection(1))
            wait_until(lambda: "publish.redis_away" in caplog.text, "the complaint")
    assert "it is no node of a cluster" in caplog.text


def test_a_node_that_fails_over_loses_nothing(tmp_path: Path) -> None:
    """Kill -9 of a primary with a replica: all streams are whole once the replica took over."""
    with running_cluster(tmp_path, replicas=1) as cluster, publishing_to(cluster) as running:
        cameras = SteadyCameras(running, _CAMERAS, period_s=0.02)
        cameras.wait_for(more=20)
        cluster.nodes[cluster.port_of(_key("front"))].kill()
        running.wait_away()
        cameras.wait_for(more=20)
        running.wait_connected()
        cameras.wait_for(more=20)
        cameras.finish()
        running.wait_sent()
        assert not running.observer.drops
        cameras.assert_all_on(cluster)
        (newest, *_) = reversed(stream_payloads(cluster, "front").values())
        assert json.loads(newest)["seq"] == cameras.published["front"]


def _move_slot(cluster: RedisCluster, key: str) -> None:
    """Give the slot of ``key`` to another node, with all that is in it."""
    source = cluster.port_of(key)
    target = next(port for port in cluster.nodes if port != source)
    clients = {port: cluster.client(port) for port in cluster.nodes}
    names = {port: command(client, "CLUSTER", "MYID").decode() for port, client in clients.items()}
    slot = command(clients[source], "CLUSTER", "KEYSLOT", key)
    command(clients[target], "CLUSTER", "SETSLOT", slot, "IMPORTING", names[source])
    command(clients[source], "CLUSTER", "SETSLOT", slot, "MIGRATING", names[target])
    while keys := command(clients[source], "CLUSTER", "GETKEYSINSLOT", slot, 10):
        command(
            clients[source],
            *("MIGRATE", "127.0.0.1", target, "", 0, 5000, "AUTH", cluster.password),
            *("KEYS", *keys),
        )
    for client in (clients[target], clients[source], *clients.values()):
        try:
            command(client, "CLUSTER", "SETSLOT", slot, "NODE", names[target])
        except redis.ResponseError:
            # The source may know by now.
            continue
    for client in clients.values():
        client.close()
