"""A follower hands on every entry, over restarts, and counts those that were trimmed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from vision.publishing.keys import Kind, position_key
from vision.publishing.reading.follower import Followed, StreamFollower

pytestmark = pytest.mark.integration
FRONT, YARD = "vision:events:{front}", "vision:events:{yard}"


class Following:
    """A follower in its thread, what it handed on and what it missed."""

    def __init__(self, server: RedisServer, *, settles: bool = True) -> None:
        self.found: list[Followed] = []
        self.lost: Counter[str] = Counter()
        self.gate = threading.Event()
        self.gate.set()
        self.follower = StreamFollower(
            server.settings(),
            lambda: server.password,
            Kind.EVENTS,
            "test",
            on_lost=self._count,
            look_s=0.1,
        )
        self._settles = settles
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def _count(self, camera: str, entries: int) -> None:
        self.lost[camera] += entries

    def _work(self) -> None:
        for entry in self.follower.entries(self._stop):
            self.found.append(entry)
            self.gate.wait()
            if self._settles:
                self.follower.settle(entry)

    def texts(self) -> list[str]:
        """The messages so far."""
        return [entry.payload.decode() for entry in self.found]

    def wait_for(self, *texts: str) -> None:
        """Wait until these came, and nothing else."""
        wait_until(lambda: len(self.found) >= len(texts), f"{texts}, not {self.texts()}")
        assert self.texts() == list(texts)

    @contextmanager
    def running(self, *, stores: bool = True) -> Iterator[None]:
        """At work, from the moment on that it is connected."""
        self._thread.start()
        try:
            wait_until(lambda: self.follower.connected, "the connection")
            yield
        finally:
            self._stop.set()
            self.gate.set()
            self._thread.join(30)
            if stores:
                self.follower.store()


def test_it_begins_now_and_goes_on_where_it_was(server: RedisServer) -> None:
    """What was there before its first start is not its own; all after it is, once."""
    with server.client() as client:
        client.xadd(FRONT, {"message": "old"})
        first = Following(server)
        with first.running():
            client.xadd(FRONT, {"message": "1"})
            first.wait_for("1")
            client.xadd(YARD, {"message": "of a new camera"})
            first.wait_for("1", "of a new camera")
        client.xadd(FRONT, {"message": "2"})
        client.xadd("vision:events:{shed}", {"message": "newer still"})
        second = Following(server)
        with second.running():
            wait_until(lambda: len(second.found) == 2, "both")
            assert sorted(second.texts()) == ["2", "newer still"]
            assert not first.lost
            assert not second.lost


def test_what_is_not_settled_comes_again(server: RedisServer) -> None:
    """At least once, as after a crash."""
    with server.client() as client:
        first = Following(server, settles=False)
        with first.running(stores=False):
            client.xadd(FRONT, {"message": "1"})
            first.wait_for("1")
        second = Following(server)
        with second.running():
            second.wait_for("1")


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
            wait_until(
                lambda: following.follower._read["front"].stream_id == "0-0", "the fresh start"
            )
            client.xadd(FRONT, {"message": "2"}, id="3-1")
            following.wait_for("1", "2")
