"""An RTSP camera simulator with faults on demand."""

from __future__ import annotations

from vision.simulate.auth import Credentials
from vision.simulate.camera import Camera, Faults
from vision.simulate.clip import Clip
from vision.simulate.control import Control
from vision.simulate.playback import Timing
from vision.simulate.quirk import Quirk, Track
from vision.simulate.quirks import QUIRKS
from vision.simulate.server import Server, tls_context

__all__ = [
    "QUIRKS",
    "Camera",
    "Clip",
    "Control",
    "Credentials",
    "Faults",
    "Quirk",
    "Server",
    "Timing",
    "Track",
    "tls_context",
]
