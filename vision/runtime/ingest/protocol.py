"""What an ingest process and the node say to each other over their pipe.

The worker sends :class:`StateReport` and, all the time, :class:`Heartbeat`. The node sends
:data:`STOP`, or :data:`LOGS` and after it how the worker is to log from now on, as JSON, or
:data:`TUNING` and after it the camera's settings, of which those hold that need no connection. Frames
go their own way: :mod:`vision.frames.shared_memory`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vision.capture.counters import CaptureCounters
from vision.config.camera import CameraSettings
from vision.config.core import LogSettings
from vision.domain.errors import SourceErrorCode
from vision.domain.status import CameraState

STOP = 0xFF
LOGS = 0xFE
TUNING = 0xFD
# Often, since a stall and a dead worker are noticed no sooner; it costs next to nothing.
HEARTBEAT_S = 0.25


@dataclass(frozen=True, slots=True)
class IngestTask:
    """What a worker is to do.

    Attributes:
        name: The camera's name.
        camera: Its settings.
        run: Start of this worker, UTC milliseconds.
        long_side: Longest side of an offered picture, pixels.
        max_rss_mib: Resident memory past which it is replaced, 0 for any.
        secrets_dir: Folder of secret files, None for the usual places.
        logs: How the worker logs, to its standard error.
    """

    name: str
    camera: CameraSettings
    run: int
    long_side: int
    max_rss_mib: int
    secrets_dir: Path | None
    logs: LogSettings


@dataclass(frozen=True, slots=True)
class StateReport:
    """A change of the camera's state, seen by its worker; ``clock_step`` is an event.

    ``lost`` says why a connection failed or ended, if one did.
    """

    state: CameraState
    reason: str
    retry_at_ns: int | None = None
    lost: SourceErrorCode | None = None


@dataclass(frozen=True, slots=True)
class WorkerVitals:
    """What a worker measures of itself.

    Attributes:
        cpu_s: Processor time since its start, seconds.
        rss_bytes: Resident memory.
        redactions: Credentials it took out of what it said.
    """

    cpu_s: float = 0.0
    rss_bytes: int = 0
    redactions: int = 0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Sign of life and the worker's counters.

    It may be read long after it was sent: what it says of time is judged by its sender.

    Attributes:
        counters: As they were.
        vitals: What it measured of itself.
        at_mono_ns: CLOCK_MONOTONIC when it was sent.
        stood_s: How long the worker stood still just before, seconds.
        is_hanging: Whether the capturing thread is lost while the others go on.
    """

    counters: CaptureCounters
    vitals: WorkerVitals
    at_mono_ns: int
    stood_s: float
    is_hanging: bool
