"""How a frame in shared memory is announced: a record of fixed size on a pipe.

Fixed, so that any number of them is read at once, and smaller than ``PIPE_BUF``, so that each
is written whole or not at all (pipe(7)).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from vision.domain.frame import ClockSource, FrameMeta, is_picture
from vision.frames.wire import FrameFormatError

_RECORD = struct.Struct("<B?BHH qqq qq q d qq qq q d")
RECORD_BYTES = _RECORD.size
_CLOCKS = tuple(ClockSource)


@dataclass(frozen=True, slots=True)
class FrameReady:
    """The announcement of a frame: its description, buffer and the shape of its image."""

    meta: FrameMeta
    buffer: int
    shape: tuple[int, int]


def pack(ready: FrameReady) -> bytes:
    """The record; the camera's name is not in it, its pipe tells."""
    meta = ready.meta
    return _RECORD.pack(
        ready.buffer,
        meta.pts is not None,
        _CLOCKS.index(meta.clock),
        *ready.shape,
        meta.run,
        meta.seq,
        meta.pts or 0,
        *meta.time_base,
        meta.captured_ns,
        math.nan if meta.clock_offset_ms is None else meta.clock_offset_ms,
        meta.received_ns,
        meta.received_mono_ns,
        meta.width,
        meta.height,
        meta.gated,
        meta.refresh_s,
    )


def unpack(camera: str, record: bytes | memoryview) -> FrameReady:
    """What :func:`pack` was given.

    Raises:
        FrameFormatError: The record describes no frame: who wrote it is out of order.
    """
    (
        buffer,
        has_pts,
        clock,
        rows,
        columns,
        run,
        seq,
        pts,
        numerator,
        denominator,
        captured_ns,
        offset_ms,
        received_ns,
        received_mono_ns,
        width,
        height,
        gated,
        refresh_s,
    ) = _RECORD.unpack(record)
    is_sound = (
        clock < len(_CLOCKS)
        and is_picture((rows, columns))
        and min(run, seq, numerator, denominator, width, height) > 0
        and gated >= 0
        # Neither infinite nor, as an offset may be, no number.
        and abs(refresh_s) < math.inf
        and not math.isinf(offset_ms)
    )
    if not is_sound:
        raise FrameFormatError("the record of a frame that its worker announced makes no sense")
    meta = FrameMeta(
        camera=camera,
        run=run,
        seq=seq,
        pts=pts if has_pts else None,
        time_base=(numerator, denominator),
        captured_ns=captured_ns,
        clock=_CLOCKS[clock],
        clock_offset_ms=None if math.isnan(offset_ms) else offset_ms,
        received_ns=received_ns,
        received_mono_ns=received_mono_ns,
        width=width,
        height=height,
        gated=gated,
        refresh_s=refresh_s,
    )
    return FrameReady(meta, buffer, (rows, columns))
