"""From the packets of one connection to its pictures; those that nobody needs are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import av
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from vision.capture.counters import CaptureCounters
from vision.capture.key_frames import KeyFrameSaver
from vision.capture.random_access import RandomAccess
from vision.capture.sleep import DecodePlan, DecoderSleep, QueuedPacket
from vision.domain.errors import SourceError, SourceErrorCode

# A stream joined in mid-GOP without parameter sets in its SDP fails until the next key frame,
# for which cameras that save bandwidth take many seconds. Then a new decoder may help.
_GIVE_UP_PACKETS = 300
_GIVE_UP_NS = 20_000_000_000
Packet: TypeAlias = "av.Packet[VideoStream]"


@dataclass(frozen=True, slots=True)
class PacketTime:
    """When a packet arrived, and its picture's time by the camera's clock if known."""

    received_ns: int
    received_mono_ns: int
    camera_ns: int | None


class FrameOrigin(Enum):
    """What a picture is to those who choose among pictures."""

    LIVE = "now"
    """It comes as it was sent."""
    PROBE = "look"
    """A key frame of a decoder that sleeps: the only picture in a while."""
    CATCH_UP = "past"
    """It was passed over when its packet arrived, and decoded for those after it."""


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """A decoded picture in its native size and format with its packet's times."""

    picture: av.VideoFrame
    time: PacketTime
    origin: FrameOrigin = FrameOrigin.LIVE


class StreamDecoder:
    """Decodes the packets of one connection; one thread."""

    def __init__(
        self,
        context: VideoCodecContext,
        counters: CaptureCounters,
        wanted_fps: float | None = None,
        sleep: DecoderSleep[Packet] | None = None,
        on_passed_over: Callable[[PacketTime], None] = lambda _: None,
    ) -> None:
        """Decode with ``context`` and count in ``counters``.

        Pictures that ``wanted_fps`` frames a second have no use for, and those that ``sleep``
        keeps, need not be decoded. Of the latter ``on_passed_over`` is told as they arrive.
        """
        self._context = context
        self._counters = counters
        self._starts = RandomAccess(context.codec.canonical_name, context.extradata)
        self._saver = KeyFrameSaver[Packet](wanted_fps) if wanted_fps else None
        self._sleep = sleep
        self._on_passed_over = on_passed_over
        self._has_started = False
        self._past_ns = 0
        self._shape: tuple[int, int, str] | None = None

    def retune(self, wanted_fps: float) -> None:
        """Decode what ``wanted_fps`` frames a second need; from any thread."""
        if self._saver is not None:
            self._saver.retune(wanted_fps)

    def pictures(self, packet: Packet, time: PacketTime) -> Iterator[DecodedFrame]:
        """What is to be seen now that ``packet`` came.

        Raises:
            SourceError: Nothing decodes any more.
        """
        counters = self._counters
        now_ns = time.received_mono_ns
        counters.packets += 1
        counters.newest_packet_mono_ns = now_ns
        is_start = packet.is_keyframe and self._is_start(packet)
        step = None
        if self._sleep:
            arrival = QueuedPacket(now_ns, packet.size, packet.pts, is_start, packet.is_corrupt)
            step = self._sleep.take(packet, arrival)
            counters.is_asleep = self._sleep.is_asleep
        if step is None:
            yield from self._awake(packet, time, is_start=is_start)
        elif step.packets:
            yield from self._step(step, time)
        else:
            # Its picture would come if anybody asked for it.
            counters.slept += 1
            counters.newest_mono_ns = now_ns
            self._on_passed_over(time)
        waited_ns = now_ns - counters.undecoded_since_mono_ns
        if counters.undecoded > _GIVE_UP_PACKETS and waited_ns > _GIVE_UP_NS:
            reason = f"{counters.undecoded} packets in a row do not decode"
            if not self._has_started:
                reason += ": no key frame is among them, let the camera send one every few seconds"
            raise SourceError(SourceErrorCode.DECODE, reason)

    def _is_start(self, packet: Packet) -> bool:
        is_start = self._starts.begins_at(packet)
        if is_start:
            self._has_started = True
            self._counters.key_frames += 1
        else:
            self._counters.recovery_points += 1
        return is_start

    def _awake(self, packet: Packet, time: PacketTime, *, is_start: bool) -> Iterator[DecodedFrame]:
        counters = self._counters
        wanted = self._wanted(packet, time.received_mono_ns, is_start=is_start)
        if not wanted:
            counters.decoded += 1
            counters.newest_mono_ns = time.received_mono_ns
        # Those that were left out were counted at once.
        counters.decoded -= max(0, len(wanted) - 1)
        for each in wanted:
            yield from self._decode(each, time)

    def _step(self, step: DecodePlan[Packet], time: PacketTime) -> Iterator[DecodedFrame]:
        """Wake up and catch up, or look at a key frame and sleep on."""
        if self._saver is not None:
            self._saver.give_up()
        if step.past:
            self._past_ns = _time_of(step.packets[step.past - 1], time).received_mono_ns
        for packet in step.packets:
            yield from self._decode(packet, time, is_look=step.is_look)
        if not step.is_look:
            return
        # A decoder that reorders holds the picture back. Emptied, it begins anew with this key
        # frame when it wakes, and asks for nothing that was left out before.
        yield from self._decode(None, time, is_look=True)
        self._context.flush_buffers()
        if self._counters.undecoded and self._sleep:
            self._sleep.upset()

    def _wanted(self, packet: Packet, now_ns: int, *, is_start: bool) -> Sequence[Packet]:
        """The packets to decode now that this one came."""
        if self._saver is None:
            return (packet,)
        wanted = self._saver.wanted(packet, now_ns, is_key=is_start)
        # A decoder that reorders gives a picture when later ones came, and errors are told sooner
        # where all is decoded.
        if wanted or not (self._counters.undecoded or self._context.has_b_frames):
            return wanted
        return self._saver.give_up()

    def _decode(
        self, packet: Packet | None, time: PacketTime, *, is_look: bool = False
    ) -> Iterator[DecodedFrame]:
        counters = self._counters
        if packet is not None:
            if not counters.undecoded:
                counters.undecoded_since_mono_ns = time.received_mono_ns
            counters.undecoded += 1
        try:
            pictures = self._context.decode(packet)
        except Exception:  # noqa: BLE001  one bit decides which of a dozen classes comes
            counters.decode_errors += 1
            return
        for picture in pictures:
            # The decoder's reordering carries each packet's own time to its picture.
            own_time = _time_of(picture, time)
            origin = self._origin_of(own_time, time, is_look=is_look)
            counters.decoded += origin is not FrameOrigin.CATCH_UP
            counters.undecoded = 0
            counters.newest_mono_ns = max(counters.newest_mono_ns, own_time.received_mono_ns)
            self._check_picture(picture)
            yield DecodedFrame(picture, own_time, origin)

    def _origin_of(self, own_time: PacketTime, time: PacketTime, *, is_look: bool) -> FrameOrigin:
        if own_time.received_mono_ns <= self._past_ns:
            return FrameOrigin.CATCH_UP
        return FrameOrigin.PROBE if is_look and own_time is time else FrameOrigin.LIVE

    def _check_picture(self, picture: av.VideoFrame) -> None:
        if self._sleep is None:
            return
        shape = picture.width, picture.height, picture.format.name
        if shape != self._shape:
            self._shape = shape
            self._sleep.pixels = picture.width * picture.height
            self._sleep.upset()


def _time_of(what: Packet | av.VideoFrame, otherwise: PacketTime) -> PacketTime:
    return what.opaque if isinstance(what.opaque, PacketTime) else otherwise
