"""Pictures of inferred frames for the pages of other processes, while somebody looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from vision.domain.frame import Frame, Image
from vision.frames.jpeg import encode_jpeg
from vision.frames.planar import to_rgb
from vision.frames.preview_channel import Preview, PreviewSender
from vision.web.preview_rate import PreviewRateLimiter

# How soon a page that opens gets its first picture.
_LOOK_S = 0.5


class PreviewPublisher:
    """Encodes and sends on a thread of its own; :meth:`on_inferred` never waits for it.

    Of a camera whose pictures come faster than they are sent the newest is sent.
    """

    def __init__(
        self, sender: PreviewSender, mono_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._sender = sender
        self._mono_ns = mono_ns
        self._known: set[str] = set()
        self._watched: frozenset[str] = frozenset()
        self._pace = PreviewRateLimiter()
        self._changed = threading.Condition()
        self._waiting: dict[str, tuple[Image, bytes]] = {}
        self.encoded = 0
        """How many pictures were encoded."""

    def on_inferred(self, frame: Frame, payload: bytes) -> None:
        """Offer an inferred frame with its message; the pixels are copied if they are wanted."""
        camera = frame.meta.camera
        self._known.add(camera)
        if camera in self._watched and self._pace.admits(camera, self._mono_ns()):
            with self._changed:
                self._waiting[camera] = (frame.image.copy(), payload)
                self._changed.notify_all()

    def run(self, stop: threading.Event) -> None:
        """Send until ``stop`` is set."""
        look_s = 0.0
        while not stop.is_set():
            now_s = self._mono_ns() / 1e9
            if now_s >= look_s:
                self._watched = self._sender.watched(tuple(self._known))
                look_s = now_s + _LOOK_S
            for camera, (image, payload) in self._take(look_s - now_s).items():
                self.encoded += 1
                self._sender.send(camera, Preview(payload, encode_jpeg(to_rgb(image))))
        self._sender.close()

    def _take(self, timeout_s: float) -> dict[str, tuple[Image, bytes]]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, timeout_s)
            waiting, self._waiting = self._waiting, {}
            return waiting
