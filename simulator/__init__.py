"""An RTSP camera simulator with faults on demand."""

from __future__ import annotations

from simulator.auth import Credentials
from simulator.camera import Camera, Faults
from simulator.clip import Clip
from simulator.control import Control
from simulator.playback import Timing
from simulator.quirk import Quirk, Track
from simulator.quirks import QUIRKS
from simulator.server import Server, tls_context

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
