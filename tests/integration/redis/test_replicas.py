"""Many writers and readers of one Redis: no frame twice, every gap explained."""

from __future__ import annotations

import itertools
import threading
import time
from collections import defaultdict

import pytest

from tests.support.frames import RUN
from tests.support.redis_server import RedisServer
from tests.support.redis_slot import (
    PATIENCE_S,
    Reader,
    SkipCounter,
    fresh_frame,
    hanging_reader,
    noise,
    reading_from,
    writer_to,
)
from tests.support.waiting import wait_until
from vision.frames.redis_slot import LEASE_MS

pytestmark = pytest.mark.integration
_CAMERAS = [f"camera-{number}" for number in range(8)]
_READERS = 3


class _Load:
    """Writers that put as fast as they can and readers that deliver all they take."""

    def __init__(self, server: RedisServer, readers: list[Reader]) -> None:
        self.put: dict[str, int] = dict.fromkeys(_CAMERAS, 0)
        self.skips = SkipCounter()
        # By camera, in the order of delivery: number, and what was said of the one before.
        self.delivered = defaultdict[str, list[tuple[int, int]]](list)
        self.by_reader = [0] * len(readers)
        self._end = threading.Event()
        self._writers = [
            threading.Thread(target=self._write, args=(server, camera)) for camera in _CAMERAS
        ]
        self._readers = [
            threading.Thread(target=self._read, args=(number, reader))
            for number, reader in enumerate(readers)
        ]
        for thread in self._writers + self._readers:
            thread.start()

    def finish(self) -> None:
        """End both sides."""
        self._end.set()
        for thread in self._writers + self._readers:
            thread.join(PATIENCE_S)

    def _write(self, server: RedisServer, camera: str) -> None:
        writer, image = writer_to(server, self.skips), noise()
        for seq in itertools.count(1):
            if self._end.wait(0.002):
                return
            writer.put(fresh_frame(camera, seq, image=image))
            self.put[camera] = seq

    def _read(self, number: int, reader: Reader) -> None:
        while not self._end.is_set():
            for lease in reader.source.take(2, 0.2):
                meta = lease.frame.meta
                assert lease.previous is not None
                ack = reader.source.hand_over(meta.camera, f"{RUN}-{meta.seq}", is_empty=False)
                lease.release()
                # As the stream sees it: before the camera is free for anybody else.
                self.delivered[meta.camera].append((meta.seq, lease.previous.seq))
                self.by_reader[number] += 1
                ack()


def test_three_readers_share_eight_cameras(server: RedisServer) -> None:
    """No frame twice, each camera in order, each gap exactly explained, nobody left out."""
    readers = [Reader(server.settings(), server.password) for _ in range(_READERS)]
    load = _Load(server, readers)
    wait_until(
        lambda: (
            len(load.delivered) == len(_CAMERAS)
            and min(map(len, load.delivered.values())) > 40
            and min(load.by_reader) > 0
        ),
        "frames of all cameras, by all readers",
    )
    load.finish()
    for reader in readers:
        reader.stop()
    assert set(load.delivered) == set(_CAMERAS)
    for camera, delivered in load.delivered.items():
        seqs = [seq for seq, _ in delivered]
        assert seqs == sorted(set(seqs)), camera
        assert [previous for _, previous in delivered] == [0, *seqs[:-1]], camera
    # The last where a busy machine keeps Redis for longer than a writer waits.
    assert {reason for _, reason in load.skips} <= {"overtaken", "slot_unavailable"}
    counts = [len(delivered) for delivered in load.delivered.values()]
    assert max(counts) < 3 * min(counts)


def test_cameras_of_a_killed_reader_are_served_again(server: RedisServer) -> None:
    """In about a second, and the next message counts the frame that it held."""
    writer = writer_to(server)
    process, taken = hanging_reader(server)
    try:
        seq = 1
        while not taken.wait(0.05):
            assert writer.put(fresh_frame(seq=seq))
            seq += 1
    finally:
        process.kill()
        process.join()
    killed_s = time.monotonic()
    with reading_from(server) as reader:
        lease = None
        while lease is None:
            seq += 1
            writer.put(fresh_frame(seq=seq))
            lease = next(iter(reader.source.take(1, 0.05)), None)
            assert time.monotonic() - killed_s < PATIENCE_S
        waited_s = time.monotonic() - killed_s
        assert lease.previous is not None
        assert lease.previous.seq == 0
        lease.release()
    # Without a lease it would be for ever; the start of a reader takes its time as well.
    assert waited_s < 20 * LEASE_MS / 1000


def test_a_writer_goes_on_while_redis_hangs(server: RedisServer) -> None:
    """No put takes long, each skipped frame is counted, and the next one arrives after it."""
    skips = SkipCounter()
    writer = writer_to(server, skips)
    assert writer.put(fresh_frame(seq=1))
    server.pause()
    slowest_s = 0.0
    for seq in range(2, 30):
        started_s = time.monotonic()
        assert not writer.put(fresh_frame(seq=seq))
        slowest_s = max(slowest_s, time.monotonic() - started_s)
    assert slowest_s < 5
    assert not writer.connected
    assert skips["front", "slot_unavailable"] == 28
    server.resume()
    with reading_from(server) as reader:
        numbers = itertools.count(30)
        wait_until(lambda: writer.put(fresh_frame(seq=next(numbers))), "Redis to take frames")
        lease = reader.take_one()
        assert lease.frame.meta.seq >= 30
        lease.release()


def test_readers_come_back_with_redis(server: RedisServer) -> None:
    """A restart costs what was under way and no more."""
    with reading_from(server) as reader:
        writer = writer_to(server)
        assert writer.put(fresh_frame(seq=1))
        reader.deliver(reader.take_one())
        reader.wait_free()
        server.kill()
        reader.source.take(1, 0)
        wait_until(lambda: not reader.source.connected, "the loss to be noticed")
        server.restart()
        numbers = itertools.count(2)
        wait_until(lambda: writer.put(fresh_frame(seq=next(numbers))), "Redis to take frames")
        reader.deliver(reader.take_one())
        reader.wait_free()


def test_a_reader_stops_while_redis_hangs(server: RedisServer) -> None:
    """Shutdown waits for no command longer than the command's own limit."""
    reader = Reader(server.settings(command_timeout_s=0.5), server.password)
    reader.source.take(1, 0)
    wait_until(lambda: reader.source.connected, "a connection")
    server.pause()
    started_s = time.monotonic()
    reader.stop()
    assert time.monotonic() - started_s < PATIENCE_S / 2
    server.resume()
