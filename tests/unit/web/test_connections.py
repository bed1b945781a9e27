"""Which connection makes way where there are too many, without a network."""

from __future__ import annotations

import pytest

from vision.web.clients import Client, prefix_of
from vision.web.connections import Connections


class _Clock:
    """Goes on by a second each time it is looked at."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1.0
        return self.now_s


class _Connection:
    """One that waits since ``since_s``, or is served where that is None."""

    def __init__(self, peer: Client, since_s: float | None = None) -> None:
        self.peer = peer
        self.since_s = since_s
        self.is_held_back = False
        self.unread_s = 0.0
        self.is_cut = False

    def waits_since_s(self) -> float | None:
        return self.since_s

    def stuck_s(self, _now_s: float) -> float:
        return self.unread_s

    def abort(self) -> None:
        self.is_cut = True


def _opened(
    connections: Connections, host: str, count: int, since_s: float | None = None
) -> list[_Connection]:
    """That many of one address, the first of which waits longest."""
    opened = []
    for number in range(count):
        waits_s = None if since_s is None else since_s + number
        connection = _Connection((host, 1000 + number), waits_s)
        assert connections.admit(connection)
        opened.append(connection)
    return opened


def _cut(connections: list[_Connection]) -> list[int]:
    return [number for number, one in enumerate(connections) if one.is_cut]


def test_the_longest_waiting_of_an_address_makes_way() -> None:
    """Whatever the order in which they came: one that had an answer since waits less long."""
    connections = Connections(_Clock())
    opened = _opened(connections, "192.0.2.1", 64, since_s=100)
    opened[0].since_s = 500
    opened[1].since_s = None
    assert connections.admit(_Connection(("192.0.2.1", 9), 600))
    assert _cut(opened) == [2]


def test_what_is_served_never_makes_way() -> None:
    """An address that is served on all its connections gets no more."""
    connections = Connections(_Clock())
    opened = _opened(connections, "192.0.2.1", 64)
    assert not connections.admit(_Connection(("192.0.2.1", 9), 0))
    connections.hold_back(opened[5].peer)
    assert connections.admit(_Connection(("192.0.2.1", 9), 0))
    assert _cut(opened) == [5]


@pytest.mark.parametrize("addresses", [10, 20, 100])
def test_whoever_opens_most_makes_way_for_all_others(addresses: int) -> None:
    """Full of waiting ones: a newcomer comes in, and keeps its place while others come."""
    connections = Connections(_Clock(), most=200)
    crowd = [
        one
        for number in range(addresses)
        for one in _opened(connections, f"192.0.2.{number}", 200 // addresses, since_s=100)
    ]
    newcomer = _Connection(("198.51.100.1", 1), 0)
    assert connections.admit(newcomer)
    # It waits longest of all now, and still the crowd makes way for its own.
    for number in range(500):
        assert connections.admit(_Connection((f"192.0.2.{number % addresses}", 5000 + number), 900))
    assert not newcomer.is_cut
    assert all(one.is_cut for one in crowd)


def test_of_as_many_addresses_as_places_the_longest_waiting_makes_way() -> None:
    """Nobody has more than one: then time alone decides."""
    connections = Connections(_Clock(), most=200)
    crowd = [_Connection((f"192.0.2.{number}", 1), 1000 - number) for number in range(200)]
    for one in crowd:
        assert connections.admit(one)
    for number in range(3):
        assert connections.admit(_Connection((f"198.51.100.{number}", 1), 2000))
    assert _cut(crowd) == [197, 198, 199]


def test_addresses_of_one_ipv6_prefix_share() -> None:
    """A machine has as many of them as it likes; its neighbours have their own."""
    connections = Connections(_Clock())
    opened = [
        one
        for number in range(6)
        for one in _opened(connections, f"2001:db8::{number}", 32, since_s=100 + number)
    ]
    assert connections.admit(_Connection(("2001:db8::99", 1), 0))
    assert _cut(opened) == [0]
    assert connections.admit(_Connection(("2001:db8:0:1::1", 1), 0))
    assert _cut(opened) == [0]


def test_while_all_are_served_there_is_a_reserve_for_probes() -> None:
    """They are let in to ask, and whoever asks for more than a probe is told to come back."""
    connections = Connections(_Clock(), are_clients_told_apart=False, most=100)
    served = _opened(connections, "192.0.2.1", 100)
    assert not connections.are_all_served
    waiting = [_Connection(("192.0.2.2", number), number) for number in range(80)]
    assert all(map(connections.admit, waiting))
    assert connections.are_all_served
    assert not _cut(served)
    assert len(_cut(waiting)) >= 16
    for one in [*served, *waiting]:
        connections.forget(one)
        connections.forget(one)
    assert not connections.are_all_served


def test_whoever_waits_or_takes_nothing_for_ten_seconds_is_cut() -> None:
    """Others are left alone."""
    clock = _Clock()
    connections = Connections(clock)
    clock.now_s = 100
    late, early, mute, served = (
        _Connection(("192.0.2.1", 1), 89),
        _Connection(("192.0.2.1", 2), 95),
        _Connection(("192.0.2.1", 3)),
        _Connection(("192.0.2.1", 4)),
    )
    mute.unread_s = 11
    for one in (late, early, mute, served):
        assert connections.admit(one)
    connections.sweep()
    assert [one.is_cut for one in (late, early, mute, served)] == [True, False, True, False]


@pytest.mark.parametrize(
    ("host", "prefix"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_prefix(host: str, prefix: str) -> None:
    """An IPv6 address stands for its network, any other for itself."""
    assert prefix_of(host) == prefix
