"""An RTSP camera simulator with faults on demand."""

from __future__ import annotations

from vision.simulate.auth import Credentials
from vision.simulate.camera import Camera, Faults
from vision.simulate.clip import Clip
from vision.simulate.control import Control
from vision.simulate.playback import Timing
from vision.simulate.server import Server, tls_context

__all__ = ["Camera", "Clip", "Control", "Credentials", "Faults", "Server", "Timing", "tls_context"]
