"""What a subscriber on Redis saw of each camera."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from vision.domain.message import DetectionMessage

_TICKS_PER_S = 90_000


@dataclass(frozen=True, slots=True)
class Seen:
    """One message that arrived within the window.

    Attributes:
        camera: Its camera.
        latency_ms: From the camera's clock to here.
        added_ms: From the packet's arrival to here, less the time in the engine: what decoding,
            waiting, converting, reading the result and publishing take together.
        age_ms: Since capture when the engine was handed the frame.
        captured_ns: By the camera's clock, UTC; to the millisecond.
        ticks: Presentation time on the 90 kHz clock; None on the first frame of a connection.
    """

    camera: str
    latency_ms: float
    added_ms: float
    age_ms: float
    captured_ns: int
    ticks: int | None


@dataclass(slots=True)
class Tally:
    """Counts messages between :meth:`open` and :meth:`close`; told by the subscriber's thread."""

    cameras: set[str]
    utc_s: Callable[[], float] = time.time
    seen: list[Seen] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    has_detected: bool = False
    # What a node has settled on: its first frames are padded while their shape compiles.
    newest: DetectionMessage | None = None
    all_cameras: threading.Event = field(default_factory=threading.Event)
    _heard: set[str] = field(default_factory=set)
    _last: dict[str, tuple[str, int]] = field(default_factory=dict)
    _is_open: bool = False

    def open(self) -> None:
        """Begin to count."""
        self._is_open = True

    def close(self) -> None:
        """Count no more."""
        self._is_open = False

    def count(self, message: DetectionMessage) -> None:
        """Take a message that has just arrived."""
        now_s = self.utc_s()
        self.has_detected = self.has_detected or bool(message.detections)
        self.newest = message
        self._heard.add(message.camera)
        if self._heard >= self.cameras:
            self.all_cameras.set()
        last = self._last.get(message.camera)
        self._last[message.camera] = message.run, message.seq
        if not self._is_open:
            return
        if last is not None and last[0] == message.run:
            self.skipped[message.camera] += message.skipped
            self.gaps += message.seq != last[1] + 1 + message.skipped
        captured_s, received_s = seconds(message.time.captured), seconds(message.time.received)
        engine_ms = message.time.inference_ms
        self.seen.append(
            Seen(
                camera=message.camera,
                latency_ms=(now_s - captured_s) * 1000,
                added_ms=(now_s - received_s) * 1000 - engine_ms,
                age_ms=(seconds(message.time.inferred) - captured_s) * 1000 - engine_ms,
                captured_ns=round(captured_s * 1000) * 1_000_000,
                ticks=_ticks(message),
            )
        )

    def counts(self) -> dict[str, int]:
        """Messages in the window by camera, those included that had none."""
        counted = Counter(seen.camera for seen in self.seen)
        return {camera: counted[camera] for camera in sorted(self.cameras)}


def seconds(text: str) -> float:
    """A message's time, RFC 3339, as UTC seconds."""
    return datetime.fromisoformat(text).timestamp()


def _ticks(message: DetectionMessage) -> int | None:
    if message.frame.pts is None:
        return None
    numerator, denominator = map(int, message.frame.time_base.split("/"))
    return message.frame.pts * numerator * _TICKS_PER_S // denominator
