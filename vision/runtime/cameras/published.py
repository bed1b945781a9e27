"""What a subscriber knows of the cameras: by their messages alone."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from vision.config.settings import Settings
from vision.domain.frame import GateDecision
from vision.domain.message import DetectionMessage, StatusMessage
from vision.domain.status import CameraState
from vision.telemetry.camera_view import CameraView, p50_p99

# Rates are means over this many seconds.
_WINDOW_S = 5.0
_LATENCIES = 512
_SILENT_S = 30.0
# Why a frame was not inferred does not stand in its message.
_SKIPPED = "unspecified"
_STATES = {state.value: state for state in CameraState}
_FINAL = frozenset(state.value for state in CameraState if state.is_final)


@dataclass(slots=True)
class _Camera:
    """One camera; times are UTC nanoseconds, or seconds of the monotonic clock."""

    name: str
    known_ns: int
    status: StatusMessage | None = None
    newest: DetectionMessage | None = None
    heard_s: float = 0.0
    messages: int = 0
    skipped: int = 0
    is_still: bool = False
    labels: Counter[str] = field(default_factory=Counter)
    latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_LATENCIES))
    arrived: deque[tuple[float, str, int]] = field(default_factory=lambda: deque(maxlen=1024))


class PublishedCameras:
    """Keeps the newest of each camera. Thread-safe."""

    def __init__(
        self,
        *,
        silence_s: Callable[[str], float | None],
        monotonic_s: Callable[[], float] = time.monotonic,
        utc_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """``silence_s`` tells for how long a camera that works may be silent, None for ever.

        After that a camera that is said to deliver is shown as stalled: whoever would tell,
        its ingest or the inference, may be gone.
        """
        self._silence_s = silence_s
        self._monotonic_s = monotonic_s
        self._utc_ns = utc_ns
        self._lock = threading.Lock()
        self._cameras: dict[str, _Camera] = {}

    def on_status(self, message: StatusMessage) -> None:
        """Take what a camera's ingest says, in the order of its stream.

        The last one holds, whatever its time: clocks are put back. Only an ingest whose successor
        has spoken already says no more that the camera has stopped.
        """
        with self._lock:
            camera = self._camera(message.camera)
            if not _is_outlived(message, camera.status):
                camera.status = message

    def on_detections(self, message: DetectionMessage) -> None:
        """Take what was seen in a frame."""
        with self._lock:
            camera = self._camera(message.camera)
            before = camera.newest
            # While its gate is shut, each frame comes after others that were held back.
            camera.is_still = (
                before is not None and before.run == message.run and message.gated > before.gated
            )
            camera.newest, camera.heard_s = message, self._monotonic_s()
            camera.messages += 1
            camera.skipped += message.skipped
            camera.labels.update(found.label for found in message.detections)
            camera.latencies_ms.append(_latency_ms(message))
            camera.arrived.append((camera.heard_s, message.run, message.seq))

    def names(self) -> list[str]:
        """All cameras that said something, by name."""
        with self._lock:
            return sorted(name for name, camera in self._cameras.items() if not _is_gone(camera))

    def views(self, *, with_removed: bool = False) -> list[CameraView]:
        """All cameras at a glance, by name; those that were removed only if asked for."""
        with self._lock:
            return [
                self._view(camera)
                for _, camera in sorted(self._cameras.items())
                if with_removed or not _is_gone(camera)
            ]

    def model(self) -> str | None:
        """The model of the newest message, for people; None before the first."""
        with self._lock:
            told = [camera for camera in self._cameras.values() if camera.newest]
            newest = max(told, key=lambda camera: camera.heard_s, default=None)
            if newest is None or newest.newest is None:
                return None
            return f"{newest.newest.model.name} on {newest.newest.model.backend}"

    def _camera(self, name: str) -> _Camera:
        if name not in self._cameras:
            self._cameras[name] = _Camera(name, self._utc_ns(), heard_s=self._monotonic_s())
        return self._cameras[name]

    def _view(self, camera: _Camera) -> CameraView:
        newest = camera.newest
        state, reason, since_ns = self._state(camera)
        fps_in, fps_inferred = _rates(camera, self._monotonic_s())
        return CameraView(
            name=camera.name,
            state=state,
            reason=reason,
            since_ns=since_ns,
            source_size=None if newest is None else (newest.frame.width, newest.frame.height),
            fps_in=fps_in,
            fps_inferred=fps_inferred,
            frame_age_s=None if newest is None else (self._utc_ns() - _taken_ns(newest)) / 1e9,
            messages=camera.messages,
            labels=dict(camera.labels),
            latency_ms=p50_p99(camera.latencies_ms),
            skipped={_SKIPPED: camera.skipped} if camera.skipped else {},
            gate={GateDecision.PASSED.value: newest.seq, GateDecision.HELD.value: newest.gated}
            if newest and newest.gated
            else {},
            is_still=camera.is_still,
            is_asleep=False,
        )

    def _state(self, camera: _Camera) -> tuple[CameraState, str, int]:
        status = camera.status
        state, reason, since_ns = CameraState.ONLINE, "messages arrive", camera.known_ns
        # A state of a later version is left out.
        if status is not None and status.state in _STATES:
            state, reason = _STATES[status.state], status.reason
            since_ns = _ns(status.since)
        silent_s, most_s = self._monotonic_s() - camera.heard_s, self._silence_s(camera.name)
        if state.delivers and most_s is not None and silent_s > most_s:
            reason = f"said to be {state}, but no message comes: is its ingest or inference gone?"
            return CameraState.STALLED, reason, self._utc_ns() - int(silent_s * 1e9)
        return state, reason, since_ns


def _is_gone(camera: _Camera) -> bool:
    """Whether it was taken out of the settings."""
    return camera.status is not None and camera.status.state == CameraState.REMOVED


def _is_outlived(message: StatusMessage, known: StatusMessage | None) -> bool:
    """Whether it is the last word of a run before that of ``known``."""
    return known is not None and message.state in _FINAL and int(message.run) < int(known.run)


def silence_s(settings: Settings, camera: str) -> float | None:
    """How long a camera may publish nothing; None where nobody can say."""
    known = settings.cameras.get(camera)
    if known is None or settings.publishing.empty_frames != "always":
        return None
    return _SILENT_S + (known.motion.refresh_s if known.motion.enabled else 0.0)


def _rates(camera: _Camera, now_s: float) -> tuple[float, float]:
    """Frames per second that ingest announced, and that were inferred."""
    recent = [entry for entry in camera.arrived if now_s - entry[0] <= _WINDOW_S]
    recent = [entry for entry in recent if entry[1] == recent[-1][1]]
    if len(recent) < 2:  # noqa: PLR2004  a rate needs two
        return 0.0, 0.0
    (first_s, _, first), (last_s, _, last) = recent[0], recent[-1]
    span_s = max(last_s - first_s, now_s - first_s, 1e-9)
    return (last - first) / span_s, (len(recent) - 1) / span_s


def _latency_ms(message: DetectionMessage) -> float:
    return (_ns(message.time.published) - _taken_ns(message)) / 1e6


def _taken_ns(message: DetectionMessage) -> int:
    """When the frame was taken; a camera's clock may be ahead of ours."""
    return min(_ns(message.time.captured), _ns(message.time.received))


def _ns(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000) * 1_000_000
