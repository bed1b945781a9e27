"""The newest-frame slot: capacity one, fair, and every skipped frame is counted."""

from __future__ import annotations

import threading
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.support.frames import CountedLease, frame
from vision.frames.newest import NewestFrames


class Skips(Counter[tuple[str, str]]):
    """Counts what is skipped."""

    def __call__(self, camera: str, reason: str, count: int) -> None:
        """Count it."""
        self[camera, reason] += count


def test_a_late_reader_sees_the_newest_frame_only() -> None:
    """Those that were overtaken are released and counted."""
    skips = Skips()
    frames = NewestFrames(skips)
    leases = [CountedLease(frame("front", seq)) for seq in (1, 2, 3)]
    for lease in leases:
        frames.offer(lease)
    assert frames.take(8, 0) == [leases[2]]
    assert [lease.released for lease in leases] == [1, 1, 0]
    assert skips == {("front", "overtaken"): 2}
    assert frames.take(8, 0) == []


def test_the_longest_unserved_camera_comes_first() -> None:
    """A fast camera does not crowd out a slow one."""
    frames = NewestFrames(Skips())
    for camera in ("a", "b", "c"):
        frames.offer(CountedLease(frame(camera, 1)))
    served = []
    for seq in range(2, 8):
        (lease,) = frames.take(1, 0)
        served.append(lease.frame.meta.camera)
        frames.offer(CountedLease(frame(lease.frame.meta.camera, seq)))
    assert served == ["a", "b", "c", "a", "b", "c"]


def test_a_waiting_reader_is_woken_by_a_frame() -> None:
    """Without polling: the wait has no end of its own here."""
    frames = NewestFrames(Skips())
    taken: list[int] = []
    reader = threading.Thread(target=lambda: taken.append(len(frames.take(4, 60))))
    reader.start()
    frames.offer(CountedLease(frame("front", 1)))
    reader.join(10)
    assert taken == [1]


def test_a_waiting_reader_can_be_woken_without_a_frame() -> None:
    """At shutdown nobody waits for a camera."""
    frames = NewestFrames(Skips())
    taken: list[int] = []
    reader = threading.Thread(target=lambda: taken.append(len(frames.take(4, 60))))
    reader.start()
    frames.wake()
    reader.join(10)
    assert taken == [0]


@given(
    st.lists(st.one_of(st.sampled_from("abcd"), st.integers(1, 5)), max_size=60),
)
def test_every_frame_is_taken_or_counted_exactly_once(steps: list[str | int]) -> None:
    """Offered = taken + overtaken + still waiting, whatever the order of events."""
    skips = Skips()
    frames = NewestFrames(skips)
    offered: list[CountedLease] = []
    taken: list[object] = []
    for number, step in enumerate(steps):
        if isinstance(step, str):
            offered.append(CountedLease(frame(step, number + 1)))
            frames.offer(offered[-1])
        else:
            batch = frames.take(step, 0)
            cameras = [lease.frame.meta.camera for lease in batch]
            assert len(batch) <= step
            assert len(set(cameras)) == len(cameras)
            taken += batch
    waiting = frames.take(10, 0)
    assert len(offered) == len(taken) + skips.total() + len(waiting)
    assert sum(lease.released for lease in offered) == skips.total()
