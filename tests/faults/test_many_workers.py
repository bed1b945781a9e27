"""Workers by the thousand come and go in one process, while one thread takes the frames of all."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.faults.outcome import Outcome
from tests.faults.record import bound_s
from tests.support.frames import frame
from tests.support.waiting import wait_until
from tests.support.worker_processes import resources_of
from vision.frames.frame_descriptor import RECORD_BYTES
from vision.frames.latest_frame_slot import LatestFrames
from vision.frames.shared_memory import SharedFrameWriter, shared_slot
from vision.frames.wire import FrameFormatError

_CAMERAS = 20
_STEADY = "camera-0"
_TAKE_S, _STALL_S, _STALLS_EVERY = 0.5, 0.05, 400
_GAP_S = 5.0
_LOOK_S = 0.002


@dataclass
class Site:
    """A slot, what comes out of it, and what went wrong."""

    counts: dict[str, Counter[str]] = field(
        default_factory=lambda: {f"camera-{number}": Counter() for number in range(_CAMERAS)}
    )
    failures: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    longest_gap_s: float = 0.0

    def __post_init__(self) -> None:
        self.frames = LatestFrames(self._skipped)

    def _skipped(self, camera: str, reason: str, count: int) -> None:
        self.counts[camera][reason] += count

    def guarded(self, work: Callable[[], None]) -> threading.Thread:
        """A thread whose failure is kept."""

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  told by the test's own thread
                self.failures.append(f"{threading.current_thread().name}: {error!r}")

        thread = threading.Thread(target=run, name=work.__name__)
        thread.start()
        return thread

    def take(self) -> None:
        """As the inference does it; now and then it stands still with frames in its hands."""
        taken, newest_s = 0, time.monotonic()
        while not self.ended.is_set():
            leases = self.frames.take(4, _TAKE_S)
            if taken // _STALLS_EVERY != (taken + len(leases)) // _STALLS_EVERY:
                self.frames.wait(_STALL_S)
            taken += len(leases)
            for lease in leases:
                meta = lease.frame.meta
                number = int(meta.camera.partition("-")[2])
                if (lease.frame.image != number).any():
                    self.failures.append(f"{meta.camera} shows the picture of another camera")
                self.counts[meta.camera]["taken"] += 1
                if meta.camera == _STEADY:
                    now_s = time.monotonic()
                    self.longest_gap_s = max(self.longest_gap_s, now_s - newest_s)
                    newest_s = now_s
                lease.release()

    def steady(self) -> None:
        """A camera whose worker stays."""
        reader, side = shared_slot(_STEADY, 64)
        self.frames.attach(reader, lambda _: None)
        writer = side.open()
        while not self.ended.wait(_LOOK_S):
            self._put(writer, _STEADY)
        side.close()
        self.frames.detach(reader)

    def come_and_go(self, camera: str, workers: int, chance: random.Random) -> None:
        """Workers of one camera that die with frames under way, stall or say what is no frame."""
        for _ in range(workers):
            reader, side = shared_slot(camera, 64)
            self.frames.attach(reader, lambda _: None)
            writer = side.open()
            for _ in range(chance.randrange(4)):
                self._put(writer, camera)
            end = chance.random()
            if end < 0.1:
                os.write(writer._announce, bytes(chance.randrange(1, 2 * RECORD_BYTES)))
            elif end < 0.2:
                self.ended.wait(_LOOK_S)
            try:
                self.frames.collect(reader)
            except FrameFormatError:
                self.counts[camera]["refused"] += 1
            # It is dead before its supervisor has buried it.
            side.close()
            if end > 0.9:
                self.ended.wait(_LOOK_S)
            self.frames.detach(reader)
            self.counts[camera]["workers"] += 1

    def _put(self, writer: SharedFrameWriter, camera: str) -> None:
        number = int(camera.partition("-")[2])
        count = self.counts[camera]
        image = np.full((6, 8), number, np.uint8)
        count["put"] += writer.put(frame(camera, count["put"] + 1, image))


@pytest.mark.e2e
@pytest.mark.parametrize(
    "workers",
    [
        pytest.param(500, marks=pytest.mark.timeout(900)),
        pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(0)]),
    ],
)
def test_workers_come_and_go(verify: Callable[[Outcome], None], workers: int) -> None:
    """The taker lives, every frame is taken or counted, and a camera that stays has no gap."""
    seed = random.SystemRandom().randrange(1 << 32)
    outcome = Outcome(
        f"{workers} workers come and go",
        f"{_CAMERAS} cameras in one process, {workers} workers that end, stall or announce rubbish",
    )
    before = resources_of(os.getpid())
    site = Site()
    taking, staying = site.guarded(site.take), site.guarded(site.steady)
    each = -(-workers // (_CAMERAS - 1))

    def of(camera: str) -> Callable[[], None]:
        def come_and_go() -> None:
            site.come_and_go(camera, each, random.Random(f"{seed} {camera}"))

        return come_and_go

    coming = [site.guarded(of(camera)) for camera in site.counts if camera != _STEADY]
    for thread in coming:
        thread.join()
    served = site.counts[_STEADY]["taken"]
    wait_until(
        lambda: site.counts[_STEADY]["taken"] > served or bool(site.failures), "a later frame"
    )
    site.ended.set()
    site.frames.wake()
    for thread in (taking, staying):
        thread.join()
    for lease in site.frames.take(_CAMERAS, 0):
        site.counts[lease.frame.meta.camera]["taken"] += 1
        lease.release()
    outcome.complaints += [f"seed {seed}: {failure}" for failure in site.failures]
    total = sum(site.counts.values(), Counter[str]())
    outcome.skipped = total["overtaken"]
    outcome.notes = {
        "refused": total["refused"],
        "longest_gap_s": round(site.longest_gap_s, 2),
    }
    outcome.expect(total["workers"] >= workers, f"only {total['workers']} workers")
    # What a worker that failed had announced before is lost with it.
    lost = total["put"] - total["taken"] - total["overtaken"]
    outcome.expect(0 <= lost <= 4 * total["refused"], f"{lost} frames unaccounted for: {total}")
    steady = site.counts[_STEADY]
    outcome.others_lost = steady["put"] - steady["taken"] - steady["overtaken"]
    outcome.expect(not outcome.others_lost, f"the camera that stays lost frames: {steady}")
    outcome.expect(
        site.longest_gap_s <= bound_s(_GAP_S), f"{site.longest_gap_s:.1f} s without a frame"
    )
    after = resources_of(os.getpid())
    assert before is not None
    assert after is not None
    outcome.rss_mib, outcome.fds = (before.rss_mib, after.rss_mib), (before.fds, after.fds)
    outcome.expect(after.fds <= before.fds + 2, f"descriptors: {outcome.fds}")
    verify(outcome)
