"""Pictures over a real Redis: sent while somebody looks, lost without harm, found again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import wait_until
from tests.support.web import frame, message
from vision.frames.preview_channel import (
    Preview,
    PreviewReceiver,
    PreviewSender,
    pack_preview,
    unpack_preview,
)
from vision.runtime.components.preview_publisher import PreviewPublisher

pytestmark = pytest.mark.integration


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """An empty server."""
    with running_redis(tmp_path / "redis") as server:
        yield server


class Page:
    """The receiving side, on a thread."""

    def __init__(self, redis: RedisServer) -> None:
        self.receiver = PreviewReceiver(redis.settings(), lambda: redis.password)
        self.wanted: tuple[str, ...] = ()
        self.found: list[Preview] = []
        self.stop = threading.Event()

    def run(self) -> None:
        """Take pictures until the end."""
        self.found.extend(self.receiver.pictures(self.stop, lambda: self.wanted))


@contextmanager
def receiving(redis: RedisServer) -> Iterator[Page]:
    """A page for the length of a block."""
    page = Page(redis)
    thread = threading.Thread(target=page.run)
    thread.start()
    try:
        yield page
    finally:
        page.stop.set()
        thread.join(30)
        assert not thread.is_alive()
        assert not page.receiver.connected


@contextmanager
def relaying(redis: RedisServer) -> Iterator[PreviewPublisher]:
    """A relay for the length of a block."""
    relay = PreviewPublisher(PreviewSender(redis.settings(), lambda: redis.password))
    stop = threading.Event()
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        yield relay
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.parametrize("payload", [b"", b"VPC1", b"XXXX\0\0\0\x01ab", b"VPC1\0\0\0\x09ab"])
def test_other_bytes_are_no_picture(payload: bytes) -> None:
    """What is too short, of another kind or cut off is left out."""
    assert unpack_preview(payload) is None


def test_a_picture_travels_whole() -> None:
    """What was packed comes out."""
    picture = Preview(b'{"camera":"front"}', b"\xff\xd8jpeg")
    assert unpack_preview(pack_preview(picture)) == picture


def test_nothing_is_encoded_while_nobody_looks(redis: RedisServer) -> None:
    """Without a page no picture is copied or encoded; with one, those of its cameras; then none."""
    seqs = iter(range(1, 10**9))

    with relaying(redis) as relay, receiving(redis) as page:

        def infer() -> bool:
            for camera in ("front", "yard"):
                of = frame(camera, next(seqs))
                relay.on_inferred(of, message(of))
            return False

        wait_until(lambda: page.receiver.connected, "the page")
        for _ in range(50):
            infer()
        # Longer than the relay takes to look who listens.
        quiet = threading.Event()
        for _ in range(20):
            infer()
            quiet.wait(0.05)
        assert relay.encoded == 0
        page.wanted = ("front",)
        wait_until(lambda: infer() or len(page.found) >= 2, "two pictures")
        assert {picture.message.split(b'"camera":"')[1][:5] for picture in page.found} == {b"front"}
        assert all(picture.jpeg.startswith(b"\xff\xd8") for picture in page.found)
        page.wanted = ()
        with redis.client() as client:
            channel = "vision:picture:{front}"
            wait_until(lambda: client.pubsub_numsub(channel)[0][1] == 0, "the end of looking")
            assert client.keys("vision:picture*") == []
        wait_until(lambda: infer() or not relay._watched, "the relay's look")
        encoded = relay.encoded
        for _ in range(20):
            infer()
            quiet.wait(0.05)
        assert relay.encoded <= encoded + 1


def test_pictures_come_again_after_redis_was_away(redis: RedisServer) -> None:
    """Both sides find it again by themselves, and say that it was gone."""
    seqs = iter(range(1, 10**9))
    with relaying(redis) as relay, receiving(redis) as page:
        page.wanted = ("front",)

        def has_come() -> bool:
            of = frame("front", next(seqs))
            relay.on_inferred(of, message(of))
            return bool(page.found)

        wait_until(has_come, "a picture")
        redis.kill()
        wait_until(lambda: not page.receiver.connected, "the loss")
        page.found.clear()
        redis.restart()
        wait_until(has_come, "a picture after the restart")
        assert page.receiver.connected
