"""The newest-frame slot: capacity one, fair, and every skipped frame is counted."""

from __future__ import annotations

import select
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from tests.support.frames import frame
from vision.domain.frame import FrameMeta
from vision.frames.latest_frame_slot import LatestFrames
from vision.frames.shared_memory import BUFFERS, SharedFrameReader, SharedFrameWriter, shared_slot
from vision.frames.slot import FrameLease

_LIMIT_S = 60.0


class SkipCounter(Counter[tuple[str, str]]):
    """Counts what is skipped."""

    def __call__(self, camera: str, reason: str, count: int) -> None:
        """Count it."""
        self[camera, reason] += count


class Cameras:
    """A slot with a writer per camera, all in this process."""

    def __init__(self, *names: str) -> None:
        self.skips = SkipCounter()
        self.frames = LatestFrames(self.skips)
        self.metas: list[FrameMeta] = []
        self.readers: dict[str, SharedFrameReader] = {}
        self.writers: dict[str, SharedFrameWriter] = {}
        self._seq = 0
        for name in names:
            self.attach(name)

    def attach(self, name: str) -> None:
        """A new writer of the camera."""
        self.readers[name], side = shared_slot(name, 64)
        self.writers[name] = side.open()
        self.frames.attach(self.readers[name], self.metas.append)

    def put(self, name: str) -> int:
        """Put a frame and return its number."""
        self._seq += 1
        assert self.writers[name].put(frame(name, self._seq))
        return self._seq

    def take(self, limit: int = 8, timeout_s: float = 0.0) -> list[FrameLease]:
        """Take."""
        return self.frames.take(limit, timeout_s)


def seqs(leases: list[FrameLease]) -> list[int]:
    """The numbers of the frames."""
    return [lease.frame.meta.seq for lease in leases]


def test_a_late_reader_sees_the_newest_frame_only() -> None:
    """Those that were overtaken are back with the writer and counted."""
    cameras = Cameras("front")
    for _ in range(3):
        newest = cameras.put("front")
    taken = cameras.take()
    assert seqs(taken) == [newest]
    assert cameras.skips == {("front", "overtaken"): 2}
    assert [meta.seq for meta in cameras.metas] == [newest]
    assert cameras.take() == []
    for _ in range(BUFFERS - 1):
        cameras.put("front")
    assert not cameras.writers["front"].put(frame("front", 99))
    taken[0].release()
    cameras.put("front")


def test_frames_overtake_one_another_while_nobody_takes() -> None:
    """Whoever attached the reader collects: the writer never runs out of buffers."""
    cameras = Cameras("front")
    for number in range(5 * BUFFERS):
        newest = cameras.put("front")
        if number % 3 == 0:
            cameras.frames.collect(cameras.readers["front"])
    assert seqs(cameras.take()) == [newest]
    assert cameras.skips == {("front", "overtaken"): 5 * BUFFERS - 1}


def test_the_longest_unserved_camera_comes_first() -> None:
    """A fast camera does not crowd out a slow one."""
    cameras = Cameras(*"abc")
    # Pipes that are ready are looked through in no particular order.
    for camera in "abc":
        cameras.put(camera)
        cameras.frames.collect(cameras.readers[camera])
    served = []
    for _ in range(6):
        (lease,) = cameras.take(1)
        served.append(lease.frame.meta.camera)
        cameras.put(served[-1])
        lease.release()
    assert served == ["a", "b", "c", "a", "b", "c"]


def test_a_waiting_reader_is_woken_by_a_frame() -> None:
    """Also by one of a camera that came while it waited."""
    cameras = Cameras("front")
    taken: list[FrameLease] = []
    reader = threading.Thread(target=lambda: taken.extend(cameras.take(4, _LIMIT_S)))
    reader.start()
    cameras.attach("yard")
    seq = cameras.put("yard")
    reader.join(_LIMIT_S)
    assert seqs(taken) == [seq]


class Interrupted:
    """Lets another thread step in once, when the reader has looked and is about to wait."""

    def __init__(self, poll: select.poll, step: Callable[[], None]) -> None:
        self._poll = poll
        self._steps = [step]

    def poll(self, timeout_ms: int) -> list[tuple[int, int]]:
        """Step in, then wait."""
        while self._steps:
            self._steps.pop()()
        return self._poll.poll(timeout_ms)


def interrupt(frames: LatestFrames, step: Callable[[], None]) -> None:
    """Have ``step`` done in the middle of the next look."""
    view = frames._inlets._view
    poll: select.poll = Interrupted(view.poll, step)  # type: ignore[assignment]
    frames._inlets._view = replace(view, poll=poll)


def test_a_frame_collected_as_the_reader_falls_asleep_wakes_it() -> None:
    """Its pipe is empty by then, so only whoever collected it can."""
    cameras = Cameras("front")
    seq = cameras.put("front")
    interrupt(cameras.frames, partial(cameras.frames.collect, cameras.readers["front"]))
    taken: list[FrameLease] = []
    reader = threading.Thread(target=lambda: taken.extend(cameras.take(1, _LIMIT_S)))
    reader.start()
    reader.join(_LIMIT_S / 2)
    assert not reader.is_alive()
    assert seqs(taken) == [seq]


def test_a_waiting_reader_can_be_woken_without_a_frame() -> None:
    """At shutdown nobody waits for a camera; each call ends one wait."""
    cameras = Cameras("front")
    for wait in (lambda: cameras.take(4, _LIMIT_S), lambda: cameras.frames.wait(_LIMIT_S)):
        reader = threading.Thread(target=wait)
        reader.start()
        cameras.frames.wake()
        reader.join(_LIMIT_S / 2)
        assert not reader.is_alive()


def test_waiting_takes_nothing_and_keeps_the_newest() -> None:
    """While the engine is full, frames overtake one another."""
    cameras = Cameras("front")
    ended = threading.Event()

    def wait() -> None:
        while not ended.is_set():
            cameras.frames.wait(_LIMIT_S)

    waiting = threading.Thread(target=wait)
    waiting.start()
    put = 0
    while put < 4 * BUFFERS:
        # False for the moment in which the thread has not looked yet.
        put += cameras.writers["front"].put(frame("front", put + 1))
    ended.set()
    cameras.frames.wake()
    waiting.join(_LIMIT_S)
    assert seqs(cameras.take()) == [put]
    assert cameras.skips == {("front", "overtaken"): put - 1}


def test_the_last_frame_of_a_writer_that_is_gone_is_taken() -> None:
    """Its memory stays with whoever holds the frame; giving it back goes nowhere."""
    cameras = Cameras("front")
    cameras.put("front")
    newest = cameras.put("front")
    cameras.frames.detach(cameras.readers["front"])
    (lease,) = cameras.take()
    assert lease.frame.meta.seq == newest
    assert lease.frame.image.sum() == 0
    lease.release()
    assert cameras.skips == {("front", "overtaken"): 1}


def test_writers_that_are_gone_do_not_keep_the_reader_awake() -> None:
    """Until they are detached their pipes are ready all the time, with nothing in them."""
    frames = LatestFrames(SkipCounter())
    readers = []
    for name in ("front", "yard"):
        reader, side = shared_slot(name, 64)
        frames.attach(reader, lambda _: None)
        side.close()
        readers.append(reader)
    assert frames.take(1, 0.0) == []
    assert frames._inlets._view.poll.poll(0) == []
    for reader in readers:
        frames.detach(reader)


@given(st.lists(st.one_of(st.sampled_from("abcd"), st.integers(1, 5)), max_size=60))
def test_every_frame_is_taken_or_counted_exactly_once(steps: list[str | int]) -> None:
    """Put = taken + overtaken, whatever the order of events."""
    cameras = Cameras(*"abcd")
    put, taken = 0, 0
    for step in steps:
        if isinstance(step, str):
            put += cameras.writers[step].put(frame(step, put + 1))
            continue
        batch = cameras.take(step)
        assert len(batch) <= step
        assert len({lease.frame.meta.camera for lease in batch}) == len(batch)
        for lease in batch:
            lease.release()
        taken += len(batch)
    waiting = cameras.take(10)
    assert put == taken + cameras.skips.total() + len(waiting)
