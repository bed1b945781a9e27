"""Which server has a key, from what a cluster says of itself; nothing is connected."""

from __future__ import annotations

import pytest
import redis
from redis.crc import key_slot

from vision.config.core import RedisSettings
from vision.redis.client import Address, open_client, parse_address
from vision.redis.connector import parse_slots
from vision.redis.link import RedisLink, SlotRange

_ASKED = Address("10.0.0.9", 7000)
_SLOTS = [
    [8192, 16383, [b"10.0.0.2", 7002, b"id", []]],
    [0, 8191, [b"", 7001, b"id", []], [b"10.0.0.3", 7003, b"id", []]],
]


def _link(*parts: tuple[int, int]) -> RedisLink:
    ranges = [SlotRange(first, last, open_client(RedisSettings(), None)) for first, last in parts]
    return RedisLink(ranges, "", is_cluster=True)


def test_slots_come_in_order_with_their_primaries() -> None:
    """Replicas are known as nodes; one without a name of its own is the one that was asked."""
    slots, nodes = parse_slots(_SLOTS, _ASKED)
    assert slots == [
        (0, 8191, Address("10.0.0.9", 7001)),
        (8192, 16383, Address("10.0.0.2", 7002)),
    ]
    assert set(nodes) == {("10.0.0.9", 7001), ("10.0.0.2", 7002), ("10.0.0.3", 7003)}


def test_a_key_goes_to_the_node_of_its_slot() -> None:
    """All keys of a camera go to one node: what is hashed stands between the braces."""
    link = _link((0, 8191), (8192, 16383))
    for camera in ("front", "yard", "gate", "a-1"):
        slot = key_slot(camera.encode())
        expected = link.nodes[slot > 8191]
        for kind in ("detections", "status", "state"):
            assert link.node_of(f"vision:{kind}:{{{camera}}}") is expected


def test_a_slot_that_nobody_has_is_a_lost_connection() -> None:
    """Not somebody else's: a message to the wrong node would be refused for ever."""
    slot = key_slot(b"front")
    link = _link((0, slot - 1), (slot + 1, 16383))
    with pytest.raises(redis.ConnectionError, match="no node of its cluster"):
        link.node_of("vision:status:{front}")


@pytest.mark.parametrize("text", ["10.0.0.1:26379", "[::1]:6379", "redis.example:7000"])
def test_an_address_reads_as_it_is_written(text: str) -> None:
    """IPv6 keeps its brackets."""
    assert str(parse_address(text)) == text
