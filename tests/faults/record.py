"""What a subscriber saw of a node, and the accounts that can be made of it."""

from __future__ import annotations

import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from tests.support.publishing import AnyRedis
from vision.domain.message import DetectionMessage, StatusMessage
from vision.publishing.reading.cursor import DetectionCursor, StatusCursor
from vision.publishing.reading.subscriber import Subscriber

_LOOK_EVERY_S = 0.05
_patience = {"factor": 1.0}


@dataclass(frozen=True, slots=True)
class SeenMessage:
    """A detection message.

    Attributes:
        arrived_s: CLOCK_MONOTONIC when the subscriber had it.
        received_s: UTC when its frame reached the node.
        captured_s: UTC when its frame was taken, by the clock that ``source`` names.
        age_s: From when its frame was taken to when the engine took it.
        run: Of the ingest worker.
        seq: Number of the frame in the run.
        skipped: Frames that were not inferred since the message before.
        width: Of the source picture, pixels.
        pts: Of the frame, ticks of 90 kHz.
        source: ``rtcp`` or ``arrival``.
        offset_ms: How far the camera's clock is behind, None without one.
        objects: How many were detected.
    """

    arrived_s: float
    received_s: float
    captured_s: float
    age_s: float
    run: int
    seq: int
    skipped: int
    width: int
    pts: int | None
    source: str
    offset_ms: float | None = None
    objects: int = 0


@dataclass(frozen=True, slots=True)
class SeenStatus:
    """A status message; ``arrived_s`` as of :class:`SeenMessage`."""

    arrived_s: float
    run: int
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class StreamAccount:
    """Whether all messages of a camera came, once and in order.

    Attributes:
        messages: How many came.
        skipped: Frames that their ``skipped`` says were left out.
        lost: Frames that are neither there nor explained by ``skipped``.
        doubled: Messages that came again, or after a later one.
    """

    messages: int
    skipped: int
    lost: int
    doubled: int


def account_for(seen: Sequence[SeenMessage]) -> StreamAccount:
    """The account of one camera's messages in the order they came."""
    lost = doubled = 0
    for before, after in itertools.pairwise(seen):
        if (after.run, after.seq) <= (before.run, before.seq):
            doubled += 1
            continue
        start = before.seq if after.run == before.run else 0
        lost += max(0, after.seq - start - 1 - after.skipped)
    return StreamAccount(len(seen), sum(message.skipped for message in seen[1:]), lost, doubled)


def longest_silence_s(arrivals_s: Iterable[float]) -> float:
    """The longest time between two that follow each other; 0 for fewer than two."""
    return max((after - before for before, after in itertools.pairwise(arrivals_s)), default=0.0)


def fairness(shares: Sequence[float]) -> float:
    """Jain's index ("A Quantitative Measure of Fairness", DEC-TR-301): 1 when all get the same."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0


class Recorder:
    """Two reference subscribers, one for detections and one for states, each in a thread."""

    def __init__(self, redis: AnyRedis) -> None:
        self.seen: dict[str, list[SeenMessage]] = defaultdict(list)
        self.told: dict[str, list[SeenStatus]] = defaultdict(list)
        self._redis = redis
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._detections, daemon=True),
            threading.Thread(target=self._statuses, daemon=True),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def forget(self) -> None:
        """Keep but the newest message of each camera: a long run would fill the memory."""
        for seen in self.seen.values():
            del seen[:-1]
        for told in self.told.values():
            del told[:-1]

    def state(self, camera: str) -> str:
        """The state told last, empty before the first."""
        told = self.told[camera]
        return told[-1].state if told else ""

    def first_status(
        self, camera: str, since_s: float, fits: Callable[[SeenStatus], bool]
    ) -> SeenStatus | None:
        """The first status that came after ``since_s`` and fits."""
        told = list(self.told[camera])
        return next((item for item in told if item.arrived_s >= since_s and fits(item)), None)

    def first_seen(
        self, camera: str, since_s: float, fits: Callable[[SeenMessage], bool]
    ) -> SeenMessage | None:
        """The first message that came after ``since_s`` and fits."""
        seen = list(self.seen[camera])
        return next((item for item in seen if item.arrived_s >= since_s and fits(item)), None)

    def _detections(self) -> None:
        settings = self._redis.settings()
        subscriber = Subscriber(settings, lambda: self._redis.password, DetectionCursor)
        for received in subscriber.messages(self._stop):
            message = received.message
            self.seen[message.camera].append(_seen(message))

    def _statuses(self) -> None:
        settings = self._redis.settings()
        subscriber = Subscriber(settings, lambda: self._redis.password, StatusCursor)
        for received in subscriber.messages(self._stop):
            message: StatusMessage = received.message
            self.told[message.camera].append(
                SeenStatus(time.monotonic(), int(message.run), message.state, message.reason)
            )


def _seen(message: DetectionMessage) -> SeenMessage:
    times = message.time
    captured_s = _seconds(times.captured)
    return SeenMessage(
        arrived_s=time.monotonic(),
        received_s=_seconds(times.received),
        captured_s=captured_s,
        age_s=_seconds(times.inferred) - times.inference_ms / 1000 - captured_s,
        run=int(message.run),
        seq=message.seq,
        skipped=message.skipped,
        width=message.frame.width,
        pts=message.frame.pts,
        source=times.source,
        offset_ms=times.clock_offset_ms,
        objects=len(message.detections),
    )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def be_patient(factor: float) -> None:
    """Have every promised time of this process count ``factor`` times."""
    _patience["factor"] = factor


def bound_s(promised_s: float) -> float:
    """How long a promised time may take here: as long as promised, where figures are kept."""
    return promised_s * _patience["factor"]


def is_patient() -> bool:
    """Whether the machine may be busy with something else: what is slow then is no fault."""
    return _patience["factor"] > 1


def wait_for(condition: Callable[[], bool], patience_s: float) -> bool:
    """Whether ``condition`` came to hold within ``patience_s``."""
    give_up_s = time.monotonic() + patience_s
    pause = threading.Event()
    while not condition():
        if time.monotonic() > give_up_s:
            return False
        pause.wait(_LOOK_EVERY_S)
    return True


def let_pass(seconds: float) -> None:
    """Let a fault last: time is what such a row is about."""
    threading.Event().wait(max(0.0, seconds))
