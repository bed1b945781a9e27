"""A clip through the capture stage as if a camera sent it, at once and without a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import av

from vision.capture.counters import CaptureCounters
from vision.capture.decoding import DecodedFrame, PacketTime, StreamDecoder
from vision.capture.worker import CaptureWorker, FrameSelector, Tuning
from vision.config.camera import MotionSettings
from vision.domain.frame import Frame, FrameMeta


@dataclass(slots=True)
class Replay:
    """What came of it; frames are numbered from 0 in the order of display.

    Attributes:
        metas: Of the frames that were handed over.
        passed: Their numbers.
        slept: By packet, in the order of arrival: whether the decoder slept.
        frozen: What was told of a frozen picture.
        counters: The worker's.
    """

    metas: list[FrameMeta] = field(default_factory=list)
    passed: list[int] = field(default_factory=list)
    slept: list[bool] = field(default_factory=list)
    frozen: list[bool] = field(default_factory=list)
    counters: CaptureCounters = field(default_factory=CaptureCounters)

    def has_passed(self, number: int, count: int) -> bool:
        """Whether one of ``count`` frames from ``number`` on was handed over."""
        return any(number <= passed < number + count for passed in self.passed)

    def put(self, frame: Frame) -> bool:
        """Take a frame, as a sink does."""
        self.metas.append(frame.meta)
        return True


def replay(
    clip: Path,
    fps: float,
    motion: MotionSettings,
    *,
    frozen_after_s: float = 0,
    on_picture: Callable[[DecodedFrame], None] = lambda _: None,
) -> Replay:
    """Show ``clip`` to a worker that is paced to ``fps``; each picture to ``on_picture`` too."""
    seen = Replay()
    worker = CaptureWorker(
        camera="replay",
        run=1,
        tuning=Tuning(fps, 10, frozen_after_s, motion),
        long_side=640,
        sink=seen,
        on_online=lambda _: None,
        on_clock_step=lambda _: None,
        on_frozen=seen.frozen.append,
        counters=seen.counters,
    )
    pictures = FrameSelector(worker)
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.copy_opaque = True
        rate, unit = stream.average_rate, stream.time_base
        assert rate is not None  # noqa: S101  told to the type checker
        assert unit is not None  # noqa: S101  as above
        decoder = StreamDecoder(
            stream.codec_context, seen.counters, fps, pictures.sleep, pictures.pass_over
        )
        packets = (packet for packet in container.demux(stream) if packet.size)
        for number, packet in enumerate(packets, 1):
            arrived_ns = round(number / rate * 1_000_000_000)
            packet.opaque = time = PacketTime(arrived_ns, arrived_ns, None)
            for decoded in decoder.pictures(packet, time):
                on_picture(decoded)
                pictures.serve(decoded)
            seen.slept.append(seen.counters.is_asleep)
        seen.passed = [round((meta.pts or 0) * unit * rate) for meta in seen.metas]
    return seen
