"""Writers and readers of the newest-frame slot on a real Redis."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.synchronize import Event

import numpy as np

from tests.support.frames import RUN, frame
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until
from vision.config.core import RedisSettings
from vision.domain.frame import Frame, Image
from vision.domain.run_ids import RunIds
from vision.frames.redis_source import RedisFrameSource
from vision.frames.redis_writer import RedisFrameWriter
from vision.frames.slot import FrameLease
from vision.resilience.troubles import Troubles

# No frame grows too old on a machine that is busy; a test of old ones says what is old.
MAX_AGE_MS = 60_000
PATIENCE_S = 60.0


class SkipCounter(Counter[tuple[str, str]]):
    """Counts what is skipped, by camera and reason."""

    def __call__(self, camera: str, reason: str, count: int) -> None:
        """Count it."""
        self[camera, str(reason)] += count


def fresh_frame(
    camera: str = "front", seq: int = 1, *, run: int = RUN, image: Image | None = None
) -> Frame:
    """A frame that has just arrived."""
    made = frame(camera, seq, image)
    now_ns = time.time_ns()
    meta = replace(
        made.meta,
        run=run,
        captured_ns=now_ns,
        received_ns=now_ns,
        received_mono_ns=time.monotonic_ns(),
    )
    return Frame(meta, made.image)


def writer_to(
    server: RedisServer,
    skips: SkipCounter | None = None,
    *,
    max_age_ms: int = MAX_AGE_MS,
    runs: RunIds | None = None,
    troubles: Troubles | None = None,
    mono_ns: Callable[[], int] = time.monotonic_ns,
) -> RedisFrameWriter:
    """A writer that has not connected yet."""
    counted = SkipCounter() if skips is None else skips
    return RedisFrameWriter(
        server.settings(),
        lambda: server.password,
        max_age_ms,
        counted,
        runs,
        troubles=troubles or Troubles(),
        mono_ns=mono_ns,
    )


class Reader:
    """A source with its two threads."""

    def __init__(
        self, settings: RedisSettings, password: str, *, max_age_ms: int = MAX_AGE_MS
    ) -> None:
        self.troubles = Troubles()
        self.source = RedisFrameSource(
            settings, lambda: password, max_age_ms, troubles=self.troubles
        )
        self._ended, self._settled = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self.source.fetch, args=(self._ended,)),
            threading.Thread(target=self.source.keep, args=(self._settled,)),
        ]
        for thread in self._threads:
            thread.start()

    def take(self, limit: int = 1, patience_s: float = PATIENCE_S) -> list[FrameLease]:
        """Take at least one frame."""
        give_up_s = time.monotonic() + patience_s
        while not (leases := self.source.take(limit, give_up_s - time.monotonic())):
            assert time.monotonic() < give_up_s, "no frame came"
        return leases

    def take_one(self, patience_s: float = PATIENCE_S) -> FrameLease:
        """Take one frame."""
        (lease,) = self.take(1, patience_s)
        return lease

    def deliver(self, lease: FrameLease, *, is_empty: bool = False) -> None:
        """Do as if a message about the frame had been published and confirmed."""
        meta = lease.frame.meta
        ack = self.source.hand_over(meta.camera, f"{meta.run}-{meta.seq}", is_empty=is_empty)
        lease.release()
        ack()

    def wait_free(self) -> None:
        """Wait until Redis knows of all that was released or settled."""
        source = self.source
        wait_until(lambda: not (source._held or source._done), "the cameras to be free")

    def stop(self) -> None:
        """End it as the role does."""
        self._ended.set()
        self.source.wake()
        self._threads[0].join(PATIENCE_S)
        self._settled.set()
        self.source.wake()
        self._threads[1].join(PATIENCE_S)
        assert not any(thread.is_alive() for thread in self._threads)


@contextmanager
def reading_from(server: RedisServer, *, max_age_ms: int = MAX_AGE_MS) -> Iterator[Reader]:
    """A reader for the length of a test."""
    reader = Reader(server.settings(), server.password, max_age_ms=max_age_ms)
    try:
        yield reader
    finally:
        reader.stop()


def take_and_hang(settings: RedisSettings, password: str, taken: Event) -> None:
    """Body of a spawned process: take a frame and never say anything about it."""
    Reader(settings, password).take_one()
    taken.set()
    threading.Event().wait()


def hanging_reader(server: RedisServer) -> tuple[multiprocessing.process.BaseProcess, Event]:
    """A process to be killed, and an event that says that it holds a frame."""
    spawn = multiprocessing.get_context("spawn")
    taken = spawn.Event()
    process = spawn.Process(
        target=take_and_hang, args=(server.settings(), server.password, taken), daemon=True
    )
    process.start()
    return process, taken


def noise(height: int = 36, width: int = 64) -> Image:
    """A picture that no other one looks like, in as many bytes as one of three colours."""
    return np.random.default_rng().integers(0, 256, (3 * height, width), np.uint8)
