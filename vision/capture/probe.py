"""One look at a camera, for people who set it up."""

from __future__ import annotations

import time
from dataclasses import dataclass

from vision.capture.address import RtspAddress
from vision.capture.colours import substitution
from vision.capture.counters import CaptureCounters
from vision.capture.random_access import NO_KEY_FRAMES
from vision.capture.rtsp import RtspSession

# The first frame of a fast open has no camera time yet; a second is a report's usual delay.
_LOOK_S = 1.5


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
        has_key_frames: Whether decoding can begin at more than its first picture, as far as seen.
        peculiarities: What is unusual about its stream, and what comes of it.
    """

    codec: str
    width: int
    height: int
    fps: float
    first_frame_s: float
    clock_offset_s: float | None
    has_key_frames: bool
    peculiarities: tuple[str, ...]


def probe_camera(address: RtspAddress) -> CameraProbe:
    """Watch a camera for a moment.

    Raises:
        SourceError: It cannot be opened or delivers nothing that decodes.
    """
    opened_s = time.monotonic()
    counters = CaptureCounters()
    with RtspSession(address, counters) as session:
        first_s, frames, offset_s = 0.0, 0, None
        for decoded in session.frames():
            now_s = time.monotonic()
            first_s = first_s or now_s
            frames += 1
            if decoded.time.camera_ns is not None:
                offset_s = (decoded.time.received_ns - decoded.time.camera_ns) / 1e9
            if frames > 1 and now_s - first_s >= _LOOK_S:
                break
        lacks_key_frames = counters.lacks_key_frames
        assumed = substitution(decoded.picture)
        return CameraProbe(
            codec=session.codec,
            width=decoded.picture.width,
            height=decoded.picture.height,
            fps=(frames - 1) / (now_s - first_s),
            first_frame_s=first_s - opened_s,
            clock_offset_s=offset_s,
            has_key_frames=not lacks_key_frames,
            peculiarities=(*filter(None, (assumed, NO_KEY_FRAMES * lacks_key_frames)),),
        )
