"""Keys of another type, and rubbish, under the names of the newest-frame slot."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.support.foreign_keys import each_occupant, put_hash, put_list, put_string
from tests.support.redis_server import RedisServer
from tests.support.redis_slot import fresh_frame, reading_from, writer_to
from tests.support.waiting import wait_until
from vision.domain.run_ids import RunIds
from vision.frames.redis_scripts import READY, frame_key, lease_key, state_key
from vision.frames.slot import FrameLease
from vision.frames.wire import pack_frame

pytestmark = pytest.mark.integration


@each_occupant
@pytest.mark.parametrize("key", [frame_key("front"), lease_key("front"), state_key("front")])
def test_a_key_of_another_type_costs_its_own_camera_only(
    server: RedisServer, key: str, occupy: Callable[[redis.Redis, str], None]
) -> None:
    """It is named, and taken in again once it is right."""
    if occupy is put_string and key != state_key("front"):
        pytest.skip("a string is what it is to be")
    if occupy is put_hash and key == state_key("front"):
        pytest.skip("a hash is what it is to be")
    writer, seqs = writer_to(server), itertools.count(1)
    with server.client() as client, reading_from(server) as reader:
        occupy(client, key)
        # So that a reader looks: whoever puts a frame there cannot tell what is wrong.
        client.zadd(READY, {"front": 0})
        assert writer.put(fresh_frame("yard", next(seqs)))
        reader.deliver(reader.take_one())
        reader.wait_free()
        if key == lease_key("front"):
            writer.put(fresh_frame("front", next(seqs)))
            wait_until(lambda: key in "".join(reader.troubles.reasons()), "the key by name")
        assert reader.source.connected
        client.delete(key)
        wait_until(lambda: writer.put(fresh_frame("front", next(seqs))), "a frame that is taken")
        lease = reader.take_one()
        assert lease.frame.meta.camera == "front"
        lease.release()
        wait_until(lambda: not reader.troubles.reasons(), "no complaint")


def test_a_state_that_becomes_another_type_while_frames_are_under_way(
    server: RedisServer,
) -> None:
    """Renewing and freeing go on for the other camera, and the connection stays."""
    writer = writer_to(server)
    with server.client() as client, reading_from(server) as reader:
        for camera in ("front", "yard"):
            assert writer.put(fresh_frame(camera))
        held: list[FrameLease] = []
        while len(held) < 2:
            held += reader.take(2)
        client.delete(state_key("front"))
        put_list(client, state_key("front"))
        for lease in held:
            reader.deliver(lease)
        reader.wait_free()
        assert state_key("front") in "".join(reader.troubles.reasons())
        assert client.exists(lease_key("yard")) == 0
        assert writer.put(fresh_frame("yard", 2))
        reader.take_one().release()


@pytest.mark.parametrize(
    "rubbish",
    [
        {"put_run": "x", "put_seq": "1", "put_us": "1"},
        {"run": "x", "seq": "y", "empty": "z"},
        {"run": "0x10", "seq": "1e3", "served_us": "never"},
        {"put_run": "9" * 40, "put_seq": "-1", "put_us": ""},
    ],
)
def test_a_state_that_says_rubbish_stops_nobody(
    server: RedisServer, rubbish: dict[Any, Any]
) -> None:
    """Neither who puts frames there nor who takes them."""
    writer = writer_to(server)
    with server.client() as client, reading_from(server) as reader:
        client.hset(state_key("front"), mapping=rubbish)
        runs = RunIds(utc_ns=lambda: 0)
        writer_to(server, runs=runs).learn("front")
        assert runs.next("front") == 1
        wait_until(lambda: writer.put(fresh_frame("front")), "a frame that is taken")
        lease = reader.take_one()
        assert lease.frame.meta.seq == 1
        reader.deliver(lease)
        reader.wait_free()


def test_a_lease_that_is_nobodys_keeps_no_camera(server: RedisServer) -> None:
    """A text that no reader wrote, and that would stay for ever."""
    with server.client() as client, reading_from(server) as reader:
        client.set(lease_key("front"), '{"somebody": "else"}')
        assert writer_to(server).put(fresh_frame("front"))
        lease = reader.take_one()
        assert lease.frame.meta.camera == "front"
        reader.deliver(lease)
        reader.wait_free()
        assert not client.exists(lease_key("front"))


def test_rubbish_in_the_ready_set_and_in_a_frame_stops_nobody(server: RedisServer) -> None:
    """Names that are none, and the bytes of another camera's frame."""
    writer = writer_to(server)
    with server.client() as client, reading_from(server) as reader:
        for number, name in enumerate((b"\xff\xfe", b"../../x", b"x" * 500)):
            client.zadd(READY, {name: number})
        foreign = pack_frame(fresh_frame("yard", 7), 0)
        assert writer.put(fresh_frame("front", 1))
        client.set(frame_key("front"), foreign)
        assert writer.put(fresh_frame("yard", 1))
        lease = reader.take_one()
        assert lease.frame.meta.camera == "yard"
        lease.release()
        assert writer.put(fresh_frame("front", 2))
        taken = reader.take_one()
        assert taken.frame.meta.seq == 2
        taken.release()


def test_a_ready_set_of_another_type_is_named(server: RedisServer) -> None:
    """All cameras share it: nothing comes, nothing is well, and the key is told."""
    with server.client() as client, reading_from(server) as reader:
        client.delete(READY)
        put_list(client, READY)
        reader.source.take(1, 0.0)
        wait_until(lambda: READY in (reader.source.problem or ""), "the key by name")
        assert not reader.source.connected
        client.delete(READY)
        assert writer_to(server).put(fresh_frame())
        reader.take_one().release()
