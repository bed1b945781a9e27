"""The ingest worker of one camera: connect, pace, gate, scale, hand over; never retry."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import av

from vision.capture.address import RtspAddress
from vision.capture.clock import CaptureClock, CaptureTimestamp
from vision.capture.colours import substitution
from vision.capture.connection_history import ConnectionHistory
from vision.capture.counters import CaptureCounters
from vision.capture.decoding import DecodedFrame, FrameOrigin, Packet, PacketTime
from vision.capture.failure_streak import FailureStreak
from vision.capture.freeze_detector import FreezeDetector
from vision.capture.gate import MotionGate, RateLimiter
from vision.capture.random_access import NO_KEY_FRAMES
from vision.capture.rtsp import RtspSession
from vision.capture.scale import Scaler
from vision.capture.sleep import DecoderSleep, MovingScene
from vision.capture.thumbnail import Grey, Thumbnailer
from vision.config.camera import CameraSettings, MotionSettings
from vision.domain.errors import SourceError
from vision.domain.frame import Frame, FrameMeta
from vision.frames.slot import FrameSink

_log = logging.getLogger(__name__)
# A picture that stays the same for seconds is seen as well by a few looks a second.
_FROZEN_LOOK_NS = 200_000_000


@dataclass(frozen=True, slots=True)
class Tuning:
    """What may change while a connection lasts.

    Attributes:
        fps: Frames per second to offer at most.
        clock_window_s: How far the camera's clock may be off.
        frozen_after_s: After how long without a new picture it is frozen, 0 for never.
        motion: Which of the frames are worth it.
    """

    fps: float
    clock_window_s: float
    frozen_after_s: float
    motion: MotionSettings

    @classmethod
    def of(cls, camera: CameraSettings) -> Self:
        """As the settings of a camera have it."""
        return cls(camera.fps, camera.clock_window_s, camera.frozen_after_s, camera.motion)


@dataclass(slots=True)
class CaptureWorker:
    """Runs one connection after another, at the command of its supervisor.

    Attributes:
        camera: Name from the configuration.
        run: Start of this worker, UTC milliseconds.
        tuning: Which frames to offer; changed by :meth:`retune`.
        long_side: Longest side of an offered picture, pixels.
        sink: Takes the frames.
        on_online: Called at the first frame of a connection with the codec's name, and which
            video track it is of where there are several.
        on_clock_step: Called with milliseconds when the camera's clock jumps.
        on_frozen: Called when the picture freezes, and when it goes on.
    """

    camera: str
    run: int
    tuning: Tuning
    long_side: int
    sink: FrameSink
    on_online: Callable[[str], None]
    on_clock_step: Callable[[float], None]
    on_frozen: Callable[[bool], None]
    counters: CaptureCounters = field(default_factory=CaptureCounters)
    _unannounced: str = ""
    _habits: ConnectionHistory = field(default_factory=ConnectionHistory)
    _seq: int = 0
    _told: set[str] = field(default_factory=set)
    _session: RtspSession | None = None

    def retune(self, tuning: Tuning) -> None:
        """Offer other frames from the next one on, without a new connection; any thread."""
        self.tuning = tuning
        session = self._session
        if session is not None:
            session.retune(tuning.fps)

    def capture(self, address: RtspAddress, stop: threading.Event) -> None:
        """Serve one connection until ``stop`` is set.

        Raises:
            SourceError: The camera cannot be opened or its stream went away.
        """
        connection = FrameSelector(self)
        with RtspSession(
            address,
            self.counters,
            self.tuning.fps,
            connection.sleep,
            connection.pass_over,
            habits=self._habits,
        ) as session:
            self._session = session
            # It may have changed while the camera was opened.
            session.retune(self.tuning.fps)
            try:
                self._serve(session, connection, stop)
            finally:
                self._session = None

    def _serve(
        self, session: RtspSession, connection: FrameSelector, stop: threading.Event
    ) -> None:
        is_first = True
        for decoded in session.frames(stop.is_set):
            if is_first:
                # Which track is watched is known only now.
                is_first, self._unannounced = False, session.watched
                if session.track:
                    self.tell_once(f"{session.track} is watched")
            if self.counters.lacks_key_frames:
                self.tell_once(NO_KEY_FRAMES)
            connection.serve(decoded)

    def offer(self, frame: Frame) -> None:
        """Hand a frame over; the first one of a connection is the proof that it works."""
        if self._unannounced:
            self.on_online(self._unannounced)
            self._unannounced = ""
        self.counters.offered += 1
        if not self.sink.put(frame):
            self.counters.overrun += 1

    def tell_once(self, reason: str) -> None:
        """Log something peculiar about the camera, the first time."""
        if reason not in self._told:
            self._told.add(reason)
            _log.warning('capture.peculiar_stream camera=%s reason="%s"', self.camera, reason)

    def next_seq(self) -> int:
        """The number of the next frame, also over connections."""
        self._seq += 1
        return self._seq


class FrameSelector:
    """What is known of the pictures of one connection, and forgotten with it.

    Attributes:
        sleep: What keeps the decoder from pictures that nobody needs, if anything may.
    """

    def __init__(self, worker: CaptureWorker) -> None:
        self._worker = worker
        self._scaler = Scaler(worker.long_side)
        self._patience = FailureStreak()
        self._colours: tuple[int, int] | None = None
        tuning = self._tuning = worker.tuning
        self._pace = RateLimiter(tuning.fps)
        self._clock = CaptureClock(tuning.clock_window_s)
        self._thumbnailer = Thumbnailer()
        self._frozen = FreezeDetector(tuning.frozen_after_s)
        self._is_frozen = False
        self._frozen_due_ns = 0
        # What the gate sees of pictures that were passed over comes at a pace of its own.
        self._past_pace = RateLimiter(tuning.fps)
        self._gate: MotionGate | None = None
        self.sleep: DecoderSleep[Packet] | None = None
        if tuning.motion.enabled:
            self._gate = MotionGate(tuning.motion, worker.counters)
            if tuning.motion.may_sleep:
                self.sleep = DecoderSleep(self._gate, tuning.motion.refresh_s, tuning.fps)

    def pass_over(self, time: PacketTime) -> None:
        """Account for a packet that is not decoded, since nothing moves."""
        self._follow_tuning()
        self._stamp(time)
        if self._pace.admit(time.received_mono_ns):
            self._worker.counters.gated += 1

    def serve(self, decoded: DecodedFrame) -> None:
        """Stamp a picture, and hand it over if it is due and worth it.

        Raises:
            SourceError: For a long time no picture could be converted.
        """
        self._follow_tuning()
        self._look_at_colours(decoded.picture)
        try:
            self._serve(decoded)
        except SourceError as error:
            self._worker.counters.decode_errors += 1
            self._patience.failure(error, decoded.time.received_mono_ns)

    def _serve(self, decoded: DecodedFrame) -> None:
        worker, picture, time = self._worker, decoded.picture, decoded.time
        if decoded.origin is FrameOrigin.CATCH_UP:
            self._look_back(decoded)
            return
        stamp = self._stamp(time)
        is_look = decoded.origin is FrameOrigin.PROBE
        take = self._pace.take if is_look else self._pace.admit
        is_due = take(time.received_mono_ns)
        # A decoder that sleeps has nothing else to show to the gate.
        if not (is_due or is_look):
            return
        # Before any colour is converted, since that is what there is to save.
        if not self._is_worth_it(picture, time.received_mono_ns, is_due=is_due):
            return
        image = self._scaler.scale(picture)
        meta = FrameMeta(
            camera=worker.camera,
            run=worker.run,
            seq=worker.next_seq(),
            pts=picture.pts,
            time_base=_time_base(picture),
            captured_ns=stamp.captured_ns,
            clock=stamp.clock,
            clock_offset_ms=stamp.offset_ms,
            received_ns=time.received_ns,
            received_mono_ns=time.received_mono_ns,
            width=picture.width,
            height=picture.height,
            gated=worker.counters.gated,
            refresh_s=self._tuning.motion.refresh_s if self._gate else 0.0,
        )
        worker.offer(Frame(meta, image))
        self._patience.success()

    def _follow_tuning(self) -> None:
        """Go on by the worker's tuning if it has changed, with what was learned so far."""
        worker, old, new = self._worker, self._tuning, self._worker.tuning
        if new is old:
            return
        self._tuning = new
        if new.fps != old.fps:
            self._pace, self._past_pace = RateLimiter(new.fps), RateLimiter(new.fps)
        self._clock.retune(new.clock_window_s)
        self._frozen.retune(new.frozen_after_s)
        if self._is_frozen and not new.frozen_after_s:
            self._is_frozen = False
            worker.on_frozen(False)  # noqa: FBT003  the event is the value
        if not new.motion.enabled:
            self._gate = None
        elif self._gate is None:
            self._gate = MotionGate(new.motion, worker.counters)
        else:
            self._gate.retune(new.motion)
        # A decoder that was opened without it sleeps from the next connection on.
        if self.sleep is not None:
            scene = self._gate if self._gate and new.motion.may_sleep else MovingScene()
            self.sleep.retune(scene, new.motion.refresh_s, new.fps)

    def _look_at_colours(self, picture: av.VideoFrame) -> None:
        colours = picture.colorspace, picture.color_range
        if colours != self._colours:
            self._colours = colours
            assumed = substitution(picture)
            if assumed:
                self._worker.tell_once(assumed)

    def _stamp(self, time: PacketTime) -> CaptureTimestamp:
        # Every frame passes the clock, so that a step is seen at once.
        stamp = self._clock.stamp(time.camera_ns, time.received_ns, time.received_mono_ns)
        if stamp.step_ms:
            self._worker.on_clock_step(stamp.step_ms)
        return stamp

    def _is_worth_it(self, picture: av.VideoFrame, mono_ns: int, *, is_due: bool) -> bool:
        """Look at a small picture of it, if anybody wants to."""
        is_watched = bool(self._tuning.frozen_after_s) and mono_ns >= self._frozen_due_ns
        if self._gate is None and not is_watched:
            return True
        thumbnail = self._thumbnailer.thumbnail(picture)
        if is_watched:
            self._frozen_due_ns = mono_ns + _FROZEN_LOOK_NS
            self._watch_frozen(thumbnail, mono_ns)
        if self._gate is None:
            return True
        if not is_due:
            self._gate.observe(thumbnail, mono_ns)
            return False
        next_ns = self.sleep.next_look_ns if self.sleep and self.sleep.is_asleep else None
        return self._gate.admit(thumbnail, mono_ns, next_ns)

    def _look_back(self, decoded: DecodedFrame) -> None:
        """Show the gate what it would have seen, so that what moved is no part of the scene."""
        mono_ns = decoded.time.received_mono_ns
        if self._gate is not None and self._past_pace.admit(mono_ns):
            self._gate.observe(self._thumbnailer.thumbnail(decoded.picture), mono_ns)

    def _watch_frozen(self, thumbnail: Grey, mono_ns: int) -> None:
        if self._frozen.observe(thumbnail, mono_ns) is not self._is_frozen:
            self._is_frozen = not self._is_frozen
            self._worker.on_frozen(self._is_frozen)


def _time_base(picture: av.VideoFrame) -> tuple[int, int]:
    base = picture.time_base
    # The first frame of a fast open has neither a time nor its unit.
    return (base.numerator, base.denominator) if base else (1, 90_000)
