"""One RTSP connection: open fast, decode without added delay, fail in our own words."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self, cast

from av.video.stream import VideoStream

from vision.capture.address import RtspAddress
from vision.capture.clock import wall_clock_ns
from vision.capture.connection_history import ConnectionHistory
from vision.capture.counters import CaptureCounters
from vision.capture.decoding import DecodedFrame, Packet, PacketTime, StreamDecoder
from vision.capture.failure import source_error
from vision.capture.opening import SessionOpener
from vision.capture.sleep import DecoderSleep
from vision.capture.tracks import TrackChoice, decodable
from vision.domain.errors import SourceError, SourceErrorCode

# What a read may take beyond its timeout, and a picture until the next read, before the thread
# is taken for lost in C; and the same for opening, since a name server is asked several times.
_GRACE_S, _OPEN_GRACE_S = 2.5, 30.0
# The time of a picture on the sender's clock, as FFmpeg passes it on: int64 microseconds.
_PRFT: Final = "prft"
_PRFT_TIME_BYTES = 8


class RtspSession:
    """One connection to a camera, opened on entry and always closed on exit.

    Attributes:
        lacks_clock: Whether its newest sender report told no time of day.
    """

    def __init__(
        self,
        address: RtspAddress,
        counters: CaptureCounters | None = None,
        wanted_fps: float | None = None,
        sleep: DecoderSleep[Packet] | None = None,
        on_passed_over: Callable[[PacketTime], None] = lambda _: None,
        *,
        habits: ConnectionHistory | None = None,
    ) -> None:
        """Talk to ``address`` and count in ``counters``, which go on over connections.

        So does what is known of the camera's ``habits``.
        Not all pictures need be decoded: see :class:`vision.capture.decoding.StreamDecoder`.
        """
        self._address = address
        self._counters = counters or CaptureCounters()
        self._wanted_fps = wanted_fps
        self._sleep = sleep
        self._on_passed_over = on_passed_over
        self._resources = ExitStack()
        self._habits = habits or ConnectionHistory()
        self._opening = SessionOpener(
            address,
            self._resources,
            lambda: self._expect_within(address.open_timeout_s + _OPEN_GRACE_S),
        )
        self._opened_s = time.monotonic()
        self._decoder: StreamDecoder | None = None
        self.lacks_clock = False

    def __enter__(self) -> Self:
        failure: SourceError | None = None
        started_s = time.monotonic()
        try:
            self._container = self._opening.open(by_relay=self._habits.wants_relay)
            self._tracks = self._prepared()
        except Exception as error:  # noqa: BLE001  of any class: what a camera sends decides
            failure = self._source_error(error, started_s, self._address.open_timeout_s)
        # Outside of the handler: a chained error would carry the URL.
        if failure is not None:
            self._resources.close()
            self._counters.due_mono_ns = 0
            self._habits.relayed(was_misread=False)
            raise failure
        self._opened_s = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._counters.undecoded = 0
        self._counters.is_asleep = False
        self._expect_within(_GRACE_S)
        self._resources.close()
        self._counters.due_mono_ns = 0
        relay = self._opening.relay
        if self._habits.wants_relay and relay is not None:
            self._habits.relayed(was_misread=relay.mending.was_used)
        else:
            by_camera = isinstance(error, SourceError) and error.code is SourceErrorCode.ENDED
            self._habits.ended(time.monotonic() - self._opened_s, by_camera=by_camera)

    def retune(self, wanted_fps: float) -> None:
        """Decode what ``wanted_fps`` frames a second need; from any thread."""
        self._wanted_fps = wanted_fps
        if self._decoder is not None:
            self._decoder.retune(wanted_fps)

    @property
    def codec(self) -> str:
        """Name of the codec of the track that is watched: ``h264`` or ``hevc``."""
        return self._tracks[0].codec_context.name

    @property
    def track(self) -> str:
        """Which video track is watched, where there are several; else empty."""
        count = len(self._container.streams.video)
        return f"video track {self._tracks[0].index + 1} of {count}" if count > 1 else ""

    @property
    def watched(self) -> str:
        """The codec and, where there are several tracks, which one is watched."""
        return f"{self.codec} ({self.track})" if self.track else self.codec

    def frames(self, is_over: Callable[[], bool] = lambda: False) -> Iterator[DecodedFrame]:
        """Decoded frames as they come, until ``is_over``; not all of them where few are wanted.

        Raises:
            SourceError: The stream ended, fell silent or cannot be decoded. It never just
                stops: FFmpeg takes a lost connection for the end of a file.
        """
        failure: SourceError | None = None
        try:
            for packet, packet_time in self._watched(is_over):
                decoder = self._decoder
                if decoder is None:
                    decoder = self._decoder = StreamDecoder(
                        self._tracks[0].codec_context,
                        self._counters,
                        self._wanted_fps,
                        self._sleep,
                        self._on_passed_over,
                    )
                for decoded in decoder.pictures(packet, packet_time):
                    self._expect_within(_GRACE_S)
                    yield decoded
        except Exception as error:  # noqa: BLE001  as on entry
            failure = self._source_error(error, time.monotonic(), math.inf, is_open=True)
        if failure is not None:
            raise failure

    def _watched(self, is_over: Callable[[], bool]) -> Iterator[tuple[Packet, PacketTime]]:
        """The packets of the track to watch; which one that is, is found out first."""
        candidates = {track.index: track for track in self._tracks}
        choice = TrackChoice([*candidates])
        kept: dict[int, list[tuple[Packet, PacketTime]]] = defaultdict(list)
        silent_since_s = time.monotonic()
        chosen: int | None = None if len(candidates) > 1 else self._tracks[0].index
        for packet, packet_time in self._packets():
            if is_over():
                return
            now_s, track = packet_time.received_mono_ns / 1e9, packet.stream_index
            is_candidate = track in candidates if chosen is None else track == chosen
            if is_candidate:
                silent_since_s = now_s
            elif now_s - silent_since_s >= self._address.read_timeout_s:
                raise SourceError(
                    SourceErrorCode.TIMEOUT, "the camera's video stopped, other tracks go on"
                )
            if is_candidate and chosen is None:
                kept[track].append((packet, packet_time))
                chosen = choice.chosen(track, packet_time.received_mono_ns)
                if chosen is not None:
                    self._tracks = [candidates[chosen]]
                    yield from kept[chosen]
                    kept.clear()
            elif is_candidate:
                yield packet, packet_time

    def _packets(self) -> Iterator[tuple[Packet, PacketTime]]:
        streams = self._container.streams.video
        demuxer = cast("Iterator[Packet | None]", self._container.demux(*streams))
        while True:
            started_s = time.monotonic()
            failure: Exception | None = None
            self._expect_within(self._address.read_timeout_s + _GRACE_S)
            try:
                packet = next(demuxer, None)
            except Exception as error:  # noqa: BLE001  as on entry
                failure = error
            if failure is not None:
                raise self._source_error(
                    failure, started_s, self._address.read_timeout_s, is_open=True
                )
            # An empty packet asks the decoder to flush: the connection is gone, and a frame
            # from its buffers must not look like a sign of life.
            is_empty = packet is not None and packet.size == 0
            if packet is None or (is_empty and packet.stream_index in self._indexes()):
                raise SourceError(SourceErrorCode.ENDED, "the camera closed the stream")
            # Tracks of no known codec may send such, and at the end they are asked as well.
            if is_empty:
                continue
            # Measured: a read that times out gives up the packet that the parser held, and
            # only the next one fails. It is old, and no sign of life either.
            if time.monotonic() - started_s >= self._address.read_timeout_s:
                raise SourceError(SourceErrorCode.TIMEOUT, "the camera stopped sending")
            self._expect_within(_GRACE_S)
            received_ns, reported_ns = time.time_ns(), _reported_ns(packet)
            camera_ns = None if reported_ns is None else wall_clock_ns(reported_ns, received_ns)
            if reported_ns is not None:
                self.lacks_clock = camera_ns is None
            packet_time = PacketTime(received_ns, time.monotonic_ns(), camera_ns)
            packet.opaque = packet_time
            yield packet, packet_time

    def _indexes(self) -> set[int]:
        return {track.index for track in self._tracks}

    def _prepared(self) -> list[VideoStream]:
        """The video tracks that may be watched, the best first."""
        streams = self._container.streams.video
        tracks = decodable(streams)
        if not streams:
            raise SourceError(SourceErrorCode.NOT_FOUND, "the camera's stream holds no video")
        if not tracks:
            raise SourceError(
                SourceErrorCode.DECODE, "the camera's stream is described as of no known codec"
            )
        for track in tracks:
            # One thread: frame threads would hold each frame back by their number, and with
            # many cameras the cores are busy anyway.
            track.thread_type = "NONE"
            track.codec_context.thread_count = 1
            track.codec_context.copy_opaque = True
        return tracks

    def _expect_within(self, seconds: float) -> None:
        """Say by when this thread gives its next sign of life."""
        self._counters.due_mono_ns = time.monotonic_ns() + round(seconds * 1e9)

    def _source_error(
        self, failure: Exception, started_s: float, timeout_s: float, *, is_open: bool = False
    ) -> SourceError:
        return source_error(
            failure,
            elapsed_s=time.monotonic() - started_s,
            timeout_s=timeout_s,
            tls=self._address.is_tls,
            is_open=is_open,
        )


def _reported_ns(packet: Packet) -> int | None:
    if not packet.has_sidedata(_PRFT):
        return None
    data = bytes(packet.get_sidedata(_PRFT))[:_PRFT_TIME_BYTES]
    return int.from_bytes(data, "little", signed=True) * 1000
