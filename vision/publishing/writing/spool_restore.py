"""From what the last run left on the disk to messages that wait."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vision.domain.errors import PublishError
from vision.domain.losses import DropReason
from vision.publishing.encoding import decode_detections, decode_status
from vision.publishing.keys import Kind, StreamKey
from vision.publishing.writing.outbox import Entry, Outbox
from vision.publishing.writing.spool import Spool
from vision.publishing.writing.spool_file import Row

_log = logging.getLogger(__name__)
_DECODE = {Kind.DETECTIONS: decode_detections, Kind.STATUS: decode_status}


@dataclass(slots=True)
class _CarriedLoss:
    """Frames of lost messages of a run that the next one must account for."""

    run: str = ""
    frames: int = 0


def restore(
    spool: Spool,
    outbox: Outbox,
    on_drop: Callable[[StreamKey, DropReason, int], None],
    now_s: float,
) -> dict[StreamKey, tuple[int, int]]:
    """Put what the last run left before anything new; returns each stream's newest id.

    The live channel gets none of it. ``on_drop`` hears of what had made way or is no message.
    """
    newest: dict[StreamKey, tuple[int, int]] = {}
    put = 0
    for stream, rows in _by_stream(spool.take_found()).items():
        carry, lost = _CarriedLoss(), 0
        for row in rows:
            newest[stream] = row.order
            if row.payload is None or not _is_message(stream.kind, row.payload):
                lost += 1
                frames = carry.frames if carry.run == row.run else 0
                carry = _CarriedLoss(row.run, frames + row.lost_before + row.skipped + 1)
                spool.discard([row.number])
                continue
            entry = Entry(
                stream=stream,
                stream_id=row.stream_id,
                payload=row.payload,
                put_s=now_s,
                run=row.run,
                skipped=row.skipped,
                lost_before=row.lost_before + (carry.frames if carry.run == row.run else 0),
                live_due=False,
                # It may have been sent: Redis is asked before it is taken for refused.
                unsure=True,
            )
            carry = _CarriedLoss()
            spool.adopt(entry, row)
            outbox.put(entry)
            put += 1
        if lost:
            _log.error("spool.lost stream=%s messages=%d", stream, lost)
            on_drop(stream, DropReason.OVERFLOW, lost)
    if put:
        _log.info("spool.restored messages=%d", put)
    return newest


def _by_stream(rows: Iterable[Row]) -> dict[StreamKey, list[Row]]:
    """Each stream's messages in the order of their ids; of two with one id the later row.

    Rows are written in that order, but for a message that had to be written anew.
    """
    streams: dict[StreamKey, dict[str, Row]] = {}
    for row in rows:
        streams.setdefault(StreamKey(Kind(row.kind), row.camera), {})[row.stream_id] = row
    return {
        stream: sorted(found.values(), key=lambda row: row.order)
        for stream, found in streams.items()
    }


def _is_message(kind: Kind, payload: bytes) -> bool:
    try:
        _DECODE[kind](payload)
    except PublishError:
        return False
    return True
