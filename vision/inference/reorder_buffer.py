"""The order of each camera's frames, and the gaps in it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass

from vision.domain.detections import Detections
from vision.domain.frame import FrameMeta
from vision.frames.slot import FrameLease


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What came of a frame; the fields are those of ``InferenceRecord``."""

    detections: Detections
    input_size: tuple[int, int]
    inferred_ns: int
    inference_ms: float


@dataclass(slots=True)
class InFlightFrame:
    """One frame under way: still open, seen, or failed."""

    lease: FrameLease
    open: bool = True
    seen: FrameResult | None = None

    @property
    def meta(self) -> FrameMeta:
        """Of the frame."""
        return self.lease.frame.meta

    def close(self, seen: FrameResult | None) -> None:
        """Say what came of it; None when nothing did."""
        self.seen = seen
        self.open = False


class ReorderBuffer:
    """Lets frames through in the order in which they were submitted, each camera by itself."""

    def __init__(self) -> None:
        self._jobs: defaultdict[str, deque[InFlightFrame]] = defaultdict(deque)
        self._newest: dict[str, tuple[int, int]] = {}
        self._delivered: dict[str, tuple[int, int]] = {}

    def __len__(self) -> int:
        return sum(len(jobs) for jobs in self._jobs.values())

    def is_next(self, meta: FrameMeta) -> bool:
        """Whether the frame is newer than all that were added of its camera."""
        return (meta.run, meta.seq) > self._newest.get(meta.camera, (0, 0))

    def add(self, job: InFlightFrame) -> None:
        """Queue a frame behind those of its camera."""
        meta = job.meta
        self._newest[meta.camera] = (meta.run, meta.seq)
        self._jobs[meta.camera].append(job)

    def closed(self, camera: str) -> Iterator[InFlightFrame]:
        """Take out the camera's frames that are done, up to the first that is still open."""
        jobs = self._jobs[camera]
        while jobs and not jobs[0].open:
            yield jobs.popleft()

    def passed_over(self, job: InFlightFrame) -> int:
        """How many frames lie between this one and the one delivered before it.

        Of a run that nothing was delivered of yet, all frames up to this one do. Where other
        workers serve the camera too, the slot knows what was before.
        """
        meta, previous = job.meta, job.lease.previous
        if previous is not None:
            return meta.seq - 1 - previous.seq
        run, seq = self._delivered.get(meta.camera, (meta.run, 0))
        return meta.seq - 1 - (seq if run == meta.run else 0)

    def delivered(self, meta: FrameMeta) -> None:
        """Note that the frame was delivered."""
        self._delivered[meta.camera] = (meta.run, meta.seq)

    def abandon(self) -> list[InFlightFrame]:
        """Take out all frames, done or not."""
        jobs = [job for camera_jobs in self._jobs.values() for job in camera_jobs]
        self._jobs.clear()
        return jobs
