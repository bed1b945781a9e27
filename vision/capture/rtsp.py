"""One RTSP connection: open fast, decode without added delay, fail in our own words."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from vision.capture.address import RtspAddress
from vision.capture.counters import CaptureCounters
from vision.capture.decoding import DecodedFrame, Packet, PacketTime, StreamDecoder
from vision.capture.failure import source_error
from vision.capture.sleep import DecoderSleep
from vision.domain.errors import SourceError, SourceErrorCode

# Measured on a 10 fps camera: 0.1 s to the first frame instead of 2.8 s of old ones.
_OPEN_FAST = {"probesize": "32", "analyzeduration": "1", "fpsprobesize": "0"}
# What a read may take beyond its timeout, and a picture until the next read, before the thread
# is taken for lost in C; and the same for opening, since a name server is asked several times.
_GRACE_S, _OPEN_GRACE_S = 2.5, 30.0
# The time of a picture on the sender's clock, as FFmpeg passes it on: int64 microseconds.
_PRFT: Final = "prft"
_PRFT_TIME_BYTES = 8


class RtspSession:
    """One connection to a camera, opened on entry and always closed on exit."""

    def __init__(
        self,
        address: RtspAddress,
        counters: CaptureCounters | None = None,
        wanted_fps: float | None = None,
        sleep: DecoderSleep[Packet] | None = None,
        on_passed_over: Callable[[PacketTime], None] = lambda _: None,
    ) -> None:
        """Talk to ``address`` and count in ``counters``, which go on over connections.

        Not all pictures need be decoded: see :class:`vision.capture.decoding.StreamDecoder`.
        """
        self._address = address
        self._counters = counters or CaptureCounters()
        self._wanted_fps = wanted_fps
        self._sleep = sleep
        self._on_passed_over = on_passed_over
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._container, self._stream = self._open()
        except SourceError:
            self._counters.due_mono_ns = 0
            raise
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

    @property
    def codec(self) -> str:
        """Name of the stream's codec: ``h264`` or ``hevc``."""
        return self._stream.codec_context.name

    def frames(self, is_over: Callable[[], bool] = lambda: False) -> Iterator[DecodedFrame]:
        """Decoded frames as they come, until ``is_over``; not all of them where few are wanted.

        Raises:
            SourceError: The stream ended, fell silent or cannot be decoded. It never just
                stops: FFmpeg takes a lost connection for the end of a file.
        """
        decoder = StreamDecoder(
            self._stream.codec_context,
            self._counters,
            self._wanted_fps,
            self._sleep,
            self._on_passed_over,
        )
        for packet, packet_time in self._packets():
            if is_over():
                return
            for decoded in decoder.pictures(packet, packet_time):
                self._expect_within(_GRACE_S)
                yield decoded

    def _packets(self) -> Iterator[tuple[Packet, PacketTime]]:
        demuxer = self._container.demux(self._stream)
        while True:
            started_s = time.monotonic()
            failure: av.error.FFmpegError | None = None
            self._expect_within(self._address.read_timeout_s + _GRACE_S)
            try:
                packet = next(demuxer, None)
            except av.error.FFmpegError as error:
                failure = error
            # Outside of the handler: a chained error would carry the URL.
            if failure is not None:
                raise self._source_error(failure, started_s, self._address.read_timeout_s)
            # An empty packet asks the decoder to flush: the connection is gone, and a frame
            # from its buffers must not look like a sign of life.
            if packet is None or packet.size == 0:
                raise SourceError(SourceErrorCode.ENDED, "the camera closed the stream")
            # Measured: a read that times out gives up the packet that the parser held, and
            # only the next one fails. It is old, and no sign of life either.
            if time.monotonic() - started_s >= self._address.read_timeout_s:
                raise SourceError(SourceErrorCode.TIMEOUT, "the camera stopped sending")
            self._expect_within(_GRACE_S)
            packet_time = PacketTime(
                received_ns=time.time_ns(),
                received_mono_ns=time.monotonic_ns(),
                camera_ns=_camera_time_ns(packet),
            )
            packet.opaque = packet_time
            yield packet, packet_time

    def _open(self) -> tuple[InputContainer, VideoStream]:
        address = self._address
        started_s = time.monotonic()
        self._expect_within(address.open_timeout_s + _OPEN_GRACE_S)
        failure: av.error.FFmpegError | None = None
        try:
            container = av.open(
                address.full_url(),
                options=self._options(),
                timeout=(address.open_timeout_s, address.read_timeout_s),
            )
        except av.error.FFmpegError as error:
            failure = error
        if failure is not None:
            raise self._source_error(failure, started_s, address.open_timeout_s)
        self._resources.callback(container.close)
        if not container.streams.video:
            self._resources.close()
            raise SourceError(SourceErrorCode.NOT_FOUND, "the camera's stream holds no video")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            self._resources.close()
            raise SourceError(
                SourceErrorCode.DECODE, "the camera's stream is described as of no known codec"
            )
        # One thread: frame threads would hold each frame back by their number, and with
        # many cameras the cores are busy anyway.
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        stream.codec_context.copy_opaque = True
        return container, stream

    def _expect_within(self, seconds: float) -> None:
        """Say by when this thread gives its next sign of life."""
        self._counters.due_mono_ns = time.monotonic_ns() + round(seconds * 1e9)

    def _options(self) -> dict[str, str]:
        address = self._address
        options = {"rtsp_transport": address.transport} | _OPEN_FAST
        if address.is_tls:
            options["tls_verify"] = "1" if address.tls_verify else "0"
            ca_file = address.tls_ca_file or ssl.get_default_verify_paths().cafile
            if address.tls_verify and ca_file:
                options["ca_file"] = str(ca_file)
            if address.tls_server_name:
                options["verifyhost"] = address.tls_server_name
        return options

    def _source_error(
        self, failure: av.error.FFmpegError, started_s: float, timeout_s: float
    ) -> SourceError:
        return source_error(
            failure,
            elapsed_s=time.monotonic() - started_s,
            timeout_s=timeout_s,
            tls=self._address.is_tls,
        )


def _camera_time_ns(packet: Packet) -> int | None:
    if not packet.has_sidedata(_PRFT):
        return None
    data = bytes(packet.get_sidedata(_PRFT))[:_PRFT_TIME_BYTES]
    return int.from_bytes(data, "little", signed=True) * 1000
