"""Frames, messages and a served application for tests of the HTTP interface."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import httpx
import numpy as np
import orjson
from starlette.applications import Starlette

from vision.domain.detections import Detections, InferenceRecord, ModelInfo
from vision.domain.frame import ClockSource, Frame, FrameMeta
from vision.domain.message import detection_message, status_message
from vision.domain.secret import Secret
from vision.domain.status import CameraState, CameraStatus
from vision.frames.planar import from_rgb
from vision.telemetry.camera_view import CameraView
from vision.web.app import create_app
from vision.web.documents import Health
from vision.web.event_routes import EventPages
from vision.web.feed import LiveFeed
from vision.web.live_frames import LiveFrameEncoder
from vision.web.server import WebServer

RUN = 1_763_898_000_123
START_NS = RUN * 1_000_000
_MODEL = ModelInfo("yolov8n", "ab" * 32, "openvino", ("person", "car"))


def frame(camera: str = "front", seq: int = 1, shade: int = 90) -> Frame:
    """A plain grey frame of 640 by 384 pixels."""
    meta = FrameMeta(
        camera=camera,
        run=RUN,
        seq=seq,
        pts=seq * 18_000,
        time_base=(1, 90_000),
        captured_ns=START_NS,
        clock=ClockSource.ARRIVAL,
        clock_offset_ms=None,
        received_ns=START_NS,
        received_mono_ns=0,
        width=1280,
        height=768,
        gated=0,
        refresh_s=0.0,
    )
    return Frame(meta, from_rgb(np.full((384, 640, 3), shade, np.uint8)))


def message(of: Frame) -> bytes:
    """The message of a frame in which one car was seen in the middle."""
    seen = Detections(
        xyxy=np.array([[0.25, 0.25, 0.75, 0.75]], np.float32),
        confidence=np.array([0.9], np.float32),
        class_id=np.array([1], np.int32),
    )
    record = InferenceRecord(_MODEL, (384, 640), START_NS, 40.0, 0)
    return orjson.dumps(detection_message(of.meta, seen, record, START_NS))


def status(camera: str = "front", state: CameraState = CameraState.STALLED) -> bytes:
    """The message of a camera that changed its state."""
    change = CameraStatus(camera, RUN, state, "no packet for 5 s", START_NS, START_NS)
    return orjson.dumps(status_message(change))


def camera_view(name: str = "front", state: CameraState = CameraState.ONLINE) -> CameraView:
    """A camera as the page would show it."""
    return CameraView(
        name=name,
        state=state,
        reason="",
        since_ns=START_NS,
        source_size=(1280, 768),
        fps_in=10.0,
        fps_inferred=5.0,
        frame_age_s=0.1,
        messages=7,
        labels={"car": 7},
        latency_ms=(40.0, 60.0),
        skipped={"stale": 1},
        gate={"opened": 2, "closed": 2, "passed": 40, "held": 60},
        is_still=True,
        is_asleep=False,
    )


READY = Health(ready=True, reasons=(), model="yolov8n", redis="connected", outbox_messages=3)


@dataclass(slots=True)
class Node:
    """The sources of an application, to be changed by a test while it runs."""

    feed: LiveFeed = field(default_factory=LiveFeed)
    views: list[CameraView] = field(default_factory=lambda: [camera_view()])
    health: Health = READY
    encoder: LiveFrameEncoder = field(default_factory=LiveFrameEncoder)
    events: EventPages = field(default_factory=EventPages)

    def app(self, *, host: str = "127.0.0.1", token: str | None = None) -> Starlette:
        """The application over these sources."""
        return create_app(
            self.feed,
            lambda: self.views,
            lambda: self.health,
            lambda: (b"vision_up 1\n", "text/plain; version=1.0.0; charset=utf-8"),
            host=host,
            token=lambda: None if token is None else Secret(token),
            encoder=self.encoder,
            events=self.events,
        )

    def infer(self, of: Frame) -> None:
        """Offer a frame with its message to the feed."""
        self.feed.on_inferred(of, message(of))


def asgi_client(app: Starlette) -> httpx.AsyncClient:
    """A client that calls the application without a network, faults answered as a server does."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost:8080")


def get(app: Starlette, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """One GET request to the application."""

    async def ask() -> httpx.Response:
        async with asgi_client(app) as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


@contextlib.contextmanager
def serving(
    node: Node,
    monotonic_s: Callable[[], float] = time.monotonic,
    port: int = 0,
    token: str | None = None,
    *,
    is_behind_proxy: bool = False,
) -> Iterator[WebServer]:
    """The node's application, on a free port if none is named, in a thread of its own."""
    server = WebServer(
        node.app(token=token),
        "127.0.0.1",
        port,
        on_stop=node.feed.close,
        is_behind_proxy=is_behind_proxy,
        monotonic_s=monotonic_s,
    )
    thread = threading.Thread(target=server.run, name="web")
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(30)
        assert not thread.is_alive()


@contextlib.contextmanager
def inferring(node: Node, interval_s: float = 0.05) -> Iterator[None]:
    """Frames of camera ``front`` with rising ``seq`` and shade, as long as the block runs."""
    over = threading.Event()

    def pump() -> None:
        seq = 0
        while not over.wait(interval_s):
            seq += 1
            node.infer(frame(seq=seq, shade=shade_of(seq)))

    thread = threading.Thread(target=pump, name="inference")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)


def shade_of(seq: int) -> int:
    """The grey of a frame that :func:`inferring` makes: it tells neighbours apart."""
    return seq * 16 % 256


def wait_until(holds: Callable[[], bool], timeout_s: float = 30.0) -> bool:
    """Wait for a condition; False when it did not come true in time."""
    pause = threading.Event()
    for _ in range(int(timeout_s / 0.02)):
        if holds():
            return True
        pause.wait(0.02)
    return holds()
