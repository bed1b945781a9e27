"""One look at a camera, for people who set it up."""

from __future__ import annotations

import time
from dataclasses import dataclass

import av

from vision.capture.address import RtspAddress
from vision.capture.colours import substitution
from vision.capture.counters import CaptureCounters
from vision.capture.decoding import DecodedFrame
from vision.capture.random_access import NO_KEY_FRAMES
from vision.capture.rtsp import RtspSession
from vision.domain.errors import SourceError, SourceErrorCode

# The first frame of a fast open has no camera time yet; a second is a report's usual delay.
_LOOK_S = 1.5
# A camera that saves bandwidth sends a key frame every 20 s; one that drips never sends one.
_LONGEST_LOOK_S = 30.0


@dataclass(frozen=True, slots=True)
class CameraProbe:
    """What a camera delivers.

    Attributes:
        codec: ``h264`` or ``hevc``.
        width: Of the source picture, pixels.
        height: Of the source picture, pixels.
        fps: Frames per second over a second and a half.
        first_frame_s: Seconds from opening to the first picture.
        clock_offset_s: Arrival minus the camera's clock, None without a sender report.
        lacks_clock: Whether its sender reports tell no time of day.
        has_key_frames: Whether decoding can begin at more than its first picture, as far as seen.
        peculiarities: What is unusual about its stream, and what comes of it.
    """

    codec: str
    width: int
    height: int
    fps: float
    first_frame_s: float
    clock_offset_s: float | None
    lacks_clock: bool
    has_key_frames: bool
    peculiarities: tuple[str, ...]


def probe_camera(address: RtspAddress, longest_s: float = _LONGEST_LOOK_S) -> CameraProbe:
    """Watch a camera for a moment; no longer than ``longest_s`` and a read, whatever it sends.

    Raises:
        SourceError: It cannot be opened or delivers nothing that decodes.
    """
    counters = CaptureCounters()
    look = _Observation(time.monotonic(), longest_s)
    with RtspSession(address, counters) as session:
        for decoded in session.frames(look.is_over):
            look.observe(decoded)
            if look.is_enough:
                break
        picture = look.picture
        if picture is None:
            raise SourceError(
                SourceErrorCode.DECODE,
                f"{counters.packets} packets came in {longest_s:g} s and no picture of them",
            )
        remarks = (
            f"{session.track} is watched" * bool(session.track),
            substitution(picture),
            NO_KEY_FRAMES * counters.lacks_key_frames,
        )
        return CameraProbe(
            codec=session.codec,
            width=picture.width,
            height=picture.height,
            fps=look.fps,
            first_frame_s=look.first_s - look.opened_s,
            clock_offset_s=look.offset_s,
            lacks_clock=session.lacks_clock,
            has_key_frames=not counters.lacks_key_frames,
            peculiarities=(*filter(None, remarks),),
        )


@dataclass(slots=True)
class _Observation:
    """What was seen, and whether it is enough; times of CLOCK_MONOTONIC in seconds."""

    opened_s: float
    longest_s: float
    first_s: float = 0.0
    newest_s: float = 0.0
    frames: int = 0
    offset_s: float | None = None
    picture: av.VideoFrame | None = None

    def observe(self, decoded: DecodedFrame) -> None:
        """Take in a frame."""
        self.newest_s = time.monotonic()
        self.first_s = self.first_s or self.newest_s
        self.frames += 1
        self.picture = decoded.picture
        if decoded.time.camera_ns is not None:
            self.offset_s = (decoded.time.received_ns - decoded.time.camera_ns) / 1e9

    def is_over(self) -> bool:
        """Whether it took so long that no more is waited for."""
        return time.monotonic() - self.opened_s > self.longest_s

    @property
    def is_enough(self) -> bool:
        """Whether a rate can be told."""
        return self.frames > 1 and self.newest_s - self.first_s >= _LOOK_S

    @property
    def fps(self) -> float:
        """Frames a second, 0 of a single one."""
        return (self.frames - 1) / (self.newest_s - self.first_s) if self.frames > 1 else 0.0
