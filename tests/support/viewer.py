"""Watches an RTSP stream with PyAV, as the node does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlsplit

import av
import numpy as np

from tests.support.clips import frame_number

# Opens at the first key frame instead of after seconds of probing.
_OPEN_FAST = {"probesize": "32", "analyzeduration": "1", "fpsprobesize": "0"}


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A decoded frame.

    Attributes:
        pts: In ticks of 90 kHz; None on the first frame.
        number: As of :func:`tests.support.clips.frame_number`.
        size: Width and height.
        captured_s: UTC by the camera's clock, None without a sender report.
        decoded_s: UTC when it was decoded.
    """

    pts: int | None
    number: int
    size: tuple[int, int]
    captured_s: float | None
    decoded_s: float


@contextmanager
def watch(
    url: str,
    transport: Literal["tcp", "udp"] = "tcp",
    timeout_s: float = 15.0,
    **options: str,
) -> Iterator[Iterator[DecodedPicture]]:
    """Open a stream and give its frames; they end when the server ends them."""
    container = av.open(
        url,
        options={"rtsp_transport": transport, **_OPEN_FAST, **options},
        timeout=(timeout_s, timeout_s),
    )
    try:
        yield _frames(container)
    finally:
        container.close()


def with_credentials(url: str, username: str, password: str) -> str:
    """The URL with user name and password, as PyAV wants them."""
    parts = urlsplit(url)
    netloc = f"{quote(username, safe='')}:{quote(password, safe='')}@{parts.netloc}"
    return parts._replace(netloc=netloc).geturl()


def _frames(container: av.container.InputContainer) -> Iterator[DecodedPicture]:
    stream = container.streams.video[0]
    stream.thread_type = "SLICE"
    stream.codec_context.copy_opaque = True
    for packet in container.demux(stream):
        if packet.has_sidedata("prft"):
            clock = bytes(packet.get_sidedata("prft"))[:8]
            packet.opaque = int.from_bytes(clock, "little") / 1e6
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            # A damaged packet costs its own picture, as it does a camera's viewer.
            continue
        for frame in frames:
            image = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
            yield DecodedPicture(
                pts=frame.pts,
                number=frame_number(image),
                size=(frame.width, frame.height),
                captured_s=frame.opaque if isinstance(frame.opaque, float) else None,
                decoded_s=time.time(),
            )
