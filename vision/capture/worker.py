"""The ingest worker of one camera: connect, pace, scale, hand over; never retry."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import av

from vision.capture.clock import CaptureClock
from vision.capture.pace import Pace
from vision.capture.rtsp import DecodedFrame, RtspAddress, RtspSession
from vision.capture.scale import Scaler
from vision.domain.frame import Frame, FrameMeta
from vision.frames.slot import FrameSink


@dataclass(slots=True)
class CaptureCounters:
    """What a worker has done since its process started; read by other threads."""

    decoded: int = 0
    decode_errors: int = 0
    offered: int = 0
    overrun: int = 0
    """Offered but skipped, because the reader held all memory."""
    newest_mono_ns: int = 0
    """CLOCK_MONOTONIC when the newest decoded frame arrived."""


@dataclass(slots=True)
class CaptureWorker:
    """Runs one connection after another, at the command of its supervisor.

    Attributes:
        camera: Name from the configuration.
        run: Start of this worker, UTC milliseconds.
        fps: Frames per second to offer at most.
        long_side: Longest side of an offered picture, pixels.
        clock_window_s: How far the camera's clock may be off.
        sink: Takes the frames.
        on_online: Called with the codec's name at the first decoded frame of a connection.
        on_clock_step: Called with milliseconds when the camera's clock jumps.
    """

    camera: str
    run: int
    fps: float
    long_side: int
    clock_window_s: float
    sink: FrameSink
    on_online: Callable[[str], None]
    on_clock_step: Callable[[float], None]
    counters: CaptureCounters = field(default_factory=CaptureCounters)
    _seq: int = 0

    def capture(self, address: RtspAddress, stop: threading.Event) -> None:
        """Serve one connection until ``stop`` is set.

        Raises:
            SourceError: The camera cannot be opened or its stream went away.
        """
        scaler, pace = Scaler(self.long_side), Pace(self.fps)
        clock = CaptureClock(self.clock_window_s)
        errors_before = self.counters.decode_errors
        with RtspSession(address) as session:
            online = False
            for decoded in session.frames():
                if stop.is_set():
                    return
                if not online:
                    online = True
                    self.on_online(session.codec)
                self.counters.decoded += 1
                self.counters.decode_errors = errors_before + session.decode_errors
                self.counters.newest_mono_ns = decoded.time.received_mono_ns
                self._serve(decoded, scaler, pace, clock)

    def _serve(
        self, decoded: DecodedFrame, scaler: Scaler, pace: Pace, clock: CaptureClock
    ) -> None:
        time = decoded.time
        # Every frame passes the clock, so that a step is seen at once.
        stamp = clock.stamp(time.camera_ns, time.received_ns)
        if stamp.step_ms:
            self.on_clock_step(stamp.step_ms)
        if not pace.admit(time.received_mono_ns):
            return
        picture = decoded.picture
        self._seq += 1
        self.counters.offered += 1
        meta = FrameMeta(
            camera=self.camera,
            run=self.run,
            seq=self._seq,
            pts=picture.pts,
            time_base=_time_base(picture),
            captured_ns=stamp.captured_ns,
            clock=stamp.clock,
            clock_offset_ms=stamp.offset_ms,
            received_ns=time.received_ns,
            received_mono_ns=time.received_mono_ns,
            width=picture.width,
            height=picture.height,
        )
        if not self.sink.put(Frame(meta, scaler.scale(picture))):
            self.counters.overrun += 1


def _time_base(picture: av.VideoFrame) -> tuple[int, int]:
    base = picture.time_base
    # The first frame of a fast open has neither a time nor its unit.
    return (base.numerator, base.denominator) if base else (1, 90_000)
