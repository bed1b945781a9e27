"""Keeps the runs of frames above what Redis knows of their cameras."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from vision.domain.frame import Frame
from vision.domain.run_ids import RunIds
from vision.frames.redis_slot import NewestRuns, RedisSlot
from vision.resilience.log_throttle import LogThrottle

_log = logging.getLogger(__name__)
_LOG_PERIOD_S = 60.0
_NS_PER_S = 1_000_000_000
# Somebody may put back a backup while the connection lasts.
_LOOK_NS = 5 * _NS_PER_S
# Another ingest would have put a frame by then.
_QUIET_NS = 3 * _NS_PER_S


@dataclass(slots=True)
class _Camera:
    """What is known of a camera on this connection.

    Attributes:
        look_ns: When to look at what Redis knows of it.
        ahead: What Redis knew when it was found to be ahead, None if it was not.
        last: Run and number of the frame that was put last, as they are on Redis.
        sent: The same of the frame that was put last or may have been.
    """

    look_ns: int = 0
    ahead: NewestRuns | None = None
    last: tuple[int, int] = (0, 0)
    sent: tuple[int, int] = (0, 0)


class SlotRuns:
    """Raises a run that the slot or the stream is ahead of; used by one thread.

    At a new connection at once. Later only where what is ahead stands still: what moves is another
    ingest of the camera, and two would overtake each other for ever.
    """

    def __init__(self, runs: RunIds, mono_ns: Callable[[], int]) -> None:
        self._runs = runs
        self._mono_ns = mono_ns
        self._cameras: dict[str, _Camera] = {}
        self._new: set[str] = set()
        self._damper = LogThrottle(_LOG_PERIOD_S, lambda: mono_ns() / _NS_PER_S)

    def connected(self) -> None:
        """Note a new connection: Redis may know other things than before."""
        self._new = set(self._cameras)
        for known in self._cameras.values():
            known.look_ns = 0

    def learn(self, slot: RedisSlot, camera: str) -> None:
        """Let the runs of a camera that begin from now on be above what Redis knows."""
        self._runs.learn(camera, slot.newest(camera).run)

    def numbered(self, slot: RedisSlot, frame: Frame) -> Frame:
        """``frame`` by the numbers that it is to have on Redis."""
        meta = frame.meta
        if meta.camera not in self._cameras:
            self._cameras[meta.camera] = _Camera()
            self._new.add(meta.camera)
        known = self._cameras[meta.camera]
        if self._mono_ns() >= known.look_ns:
            self._poll(slot, known, frame)
        return frame.renumbered(*self._runs.number(meta.camera, meta.run))

    def last_seq(self, frame: Frame) -> int:
        """Number of the frame of the same run that was put last, 0 without one."""
        run, seq = self._cameras[frame.meta.camera].last
        return seq if run == frame.meta.run else 0

    def accepted(self, frame: Frame) -> None:
        """Note a frame, as it is on Redis, that was put."""
        known = self._cameras[frame.meta.camera]
        known.last = known.sent = (frame.meta.run, frame.meta.seq)

    def unanswered(self, frame: Frame) -> None:
        """Note a frame, as it is on Redis, that may have been put."""
        self._cameras[frame.meta.camera].sent = (frame.meta.run, frame.meta.seq)

    def outrun(self, frame: Frame) -> None:
        """Note a frame that was refused since Redis knows a newer one."""
        known = self._cameras[frame.meta.camera]
        known.look_ns = min(known.look_ns, self._mono_ns() + _QUIET_NS)

    def forgot(self, frame: Frame) -> None:
        """Begin a new run after Redis lost its data: nothing there says what was told of."""
        self._raise(frame, frame.meta.run, "Redis has other data than before")

    def _poll(self, slot: RedisSlot, known: _Camera, frame: Frame) -> None:
        camera = frame.meta.camera
        run = self._runs.number(camera, frame.meta.run).run
        newest = slot.newest(camera)
        now_ns = self._mono_ns()
        known.look_ns = now_ns + _LOOK_NS
        is_new = camera in self._new
        self._new.discard(camera)
        if newest.run <= run:
            known.ahead = None
        elif is_new or newest == known.ahead:
            known.ahead = None
            numbered = frame.renumbered(*self._runs.number(camera, frame.meta.run))
            self._raise(numbered, newest.run, "the clock went back, or Redis has other data")
        else:
            known.ahead = newest
            known.look_ns = now_ns + _QUIET_NS

    def _raise(self, frame: Frame, newest_run: int, reason: str) -> None:
        """Let a run, by its number on Redis, go by a greater one, counted from its next frame."""
        camera, run = frame.meta.camera, frame.meta.run
        sent_run, sent_seq = self._cameras[camera].sent
        told = sent_seq if sent_run == run else 0
        raised = self._runs.raise_above(camera, run, newest_run, told)
        if times := self._damper.admit(camera):
            _log.warning(
                "frames.run_raised camera=%s run=%d raised=%d times=%d reason=%s",
                camera,
                run,
                raised,
                times,
                reason,
            )
