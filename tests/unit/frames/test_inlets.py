"""Cameras come and go while one thread looks at all: none of them ends it for the others."""

from __future__ import annotations

import os
import struct
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from tests.support.frames import frame
from tests.support.waiting import wait_until
from tests.support.worker_processes import resources_of
from tests.unit.frames.test_latest_frame_slot import Cameras, interrupt, seqs
from vision.domain.frame import FrameMeta
from vision.frames.frame_descriptor import RECORD_BYTES, FrameReady, pack
from vision.frames.shared_memory import BUFFERS, shared_slot
from vision.frames.wire import FrameFormatError


def is_open(descriptor: int) -> bool:
    """Whether this process has it open."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_what_is_looked_at_stays_open_until_the_look_is_over() -> None:
    """Its number would be somebody else's, and what that one writes a frame of the camera."""
    cameras = Cameras("front", "yard")
    reader = cameras.readers["front"]
    descriptor = reader.fileno()
    seen: list[bool] = []

    def replace_worker() -> None:
        cameras.frames.detach(reader)
        seen.append(is_open(descriptor))

    interrupt(cameras.frames, replace_worker)
    seq = cameras.put("yard")
    assert seqs(cameras.take()) == [seq]
    assert seen == [True]
    assert not is_open(descriptor)


def test_nobody_looks_and_it_is_closed_at_once() -> None:
    """An engine that hangs keeps no descriptors of workers that are gone."""
    cameras = Cameras("front")
    descriptor = cameras.readers["front"].fileno()
    cameras.frames.detach(cameras.readers["front"])
    assert not is_open(descriptor)


def test_the_end_of_a_worker_is_not_taken_for_that_of_its_successor() -> None:
    """It went during the look, and the next one may have been given the same descriptors."""
    cameras = Cameras("yard")
    reader, side = shared_slot("front", 64)
    cameras.frames.attach(reader, cameras.metas.append)

    def replace_worker() -> None:
        side.close()
        cameras.frames.detach(reader)
        cameras.attach("front")

    interrupt(cameras.frames, replace_worker)
    cameras.take()
    seq = cameras.put("front")
    assert seqs(cameras.take()) == [seq]


def garbled(**changed: int) -> bytes:
    """The record of a frame, with fields that no frame has."""
    ready = FrameReady(frame("front", 1).meta, changed.pop("buffer", 0), (6, 8))
    fields = list(struct.Struct("<B?BHH qqq qq q d qq qq q d").unpack(pack(ready)))
    names = ("buffer", "has_pts", "clock", "rows", "columns", "run", "seq", "pts", "num", "den")
    for name, value in changed.items():
        fields[names.index(name)] = value
    return struct.pack("<B?BHH qqq qq q d qq qq q d", *fields)


@pytest.mark.parametrize(
    "record",
    [
        b"\xff" * RECORD_BYTES,
        b"\x00" * RECORD_BYTES,
        garbled()[:-1],
        garbled() + b"\x00",
        garbled(buffer=BUFFERS),
        garbled(rows=65_535, columns=65_534),
        garbled(rows=5),
        garbled(columns=7),
        garbled(seq=-1),
        garbled(num=0),
        garbled(clock=9),
    ],
    ids=range(11),
)
def test_a_worker_that_announces_what_is_no_frame_hurts_nobody_else(record: bytes) -> None:
    """Its supervisor hears of it at the next heartbeat; the others are served."""
    cameras = Cameras("front", "yard")
    os.write(cameras.writers["front"]._announce, record)
    for _ in range(3):
        seq = cameras.put("yard")
        assert seqs(cameras.take()) == [seq]
    with pytest.raises(FrameFormatError, match=r"a worker|its worker"):
        cameras.frames.collect(cameras.readers["front"])
    cameras.frames.detach(cameras.readers["front"])
    cameras.attach("front")
    seq = cameras.put("front")
    assert seqs(cameras.take()) == [seq]


def test_whoever_is_told_of_a_frame_and_fails_hurts_nobody_else() -> None:
    """Whatever is done for one camera by the thread of all."""
    cameras = Cameras("yard")
    reader, side = shared_slot("front", 64)
    writer = side.open()

    def fail(_: FrameMeta) -> None:
        raise RuntimeError("of this camera only")

    cameras.frames.attach(reader, fail)
    assert writer.put(frame("front", 1))
    seq = cameras.put("yard")
    assert seq in seqs(cameras.take())
    with pytest.raises(FrameFormatError, match="of this camera only"):
        cameras.frames.collect(reader)


def test_a_worker_that_takes_no_buffer_back_hurts_nobody_else() -> None:
    """Giving one back to it goes nowhere, however full its pipe is."""
    cameras = Cameras("front", "yard")
    cameras.put("front")
    give_back = cameras.readers["front"]._give_back
    try:
        while os.write(give_back, bytes(4096)):
            pass
    except BlockingIOError:
        pass
    for lease in cameras.take():
        lease.release()
    seq = cameras.put("yard")
    assert seqs(cameras.take()) == [seq]


def test_a_worker_cannot_take_the_memory_away() -> None:
    """A mapped file that was cut short ends whoever reads it, with SIGBUS."""
    reader, side = shared_slot("front", 64)
    for size in (0, 1 << 20):
        with pytest.raises(PermissionError):
            os.ftruncate(side._memory, size)
    side.close()
    reader.close()


def come_and_go(cameras: Cameras, name: str, turns: int, failures: list[BaseException]) -> None:
    """Workers of one camera, one after the other, each with a few frames."""
    try:
        for turn in range(turns):
            reader, side = shared_slot(name, 64)
            cameras.frames.attach(reader, lambda _: None)
            writer = side.open()
            for seq in range(turn % 4):
                writer.put(frame(name, seq + 1))
            if turn % 5 == 0:
                os.write(writer._announce, b"\xff" * RECORD_BYTES)
            cameras.frames.collect(reader) if turn % 5 else None
            side.close()
            cameras.frames.detach(reader)
    except BaseException as error:  # noqa: BLE001  told by the test's own thread
        failures.append(error)


def test_workers_come_and_go_while_frames_are_taken() -> None:
    """By as many threads as there are cameras; a camera that stays is served throughout."""
    cameras = Cameras("stays")
    served: Counter[str] = Counter()
    failures: list[BaseException] = []
    ended = threading.Event()
    before = resources_of(os.getpid())

    def take() -> None:
        try:
            while not ended.is_set():
                for lease in cameras.frames.take(4, 0.5):
                    served[lease.frame.meta.camera] += 1
                    lease.release()
        except BaseException as error:  # noqa: BLE001  as above
            failures.append(error)

    def has_come(count: int) -> bool:
        return served["stays"] >= count or bool(failures)

    taker = threading.Thread(target=take)
    makers: list[Callable[[], None]] = [
        partial(come_and_go, cameras, f"goes-{number}", 50, failures) for number in range(8)
    ]
    threads = [taker, *(threading.Thread(target=make) for make in makers)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads[1:]) and not failures:
        expected = served["stays"] + 1
        cameras.put("stays")
        wait_until(partial(has_come, expected), "the frame")
    ended.set()
    cameras.frames.wake()
    for thread in threads:
        thread.join()
    assert not failures
    after = resources_of(os.getpid())
    assert before
    assert after
    assert after.fds <= before.fds
