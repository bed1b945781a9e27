"""A camera's state as bytes: what a worker leaves for whoever goes on after it."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from vision.domain.contract import StreamId
from vision.events.engine import State
from vision.publishing.shape import ShapeError, reader

_VERSION = "vision.events-state/1"


@dataclass(frozen=True, slots=True)
class Kept:
    """The state after the entries of the camera's streams that it names."""

    version: str
    detections_id: StreamId
    statuses_id: StreamId
    state: State


_read = reader(Kept, str)


def dump_state(state: State, detections_id: str, statuses_id: str) -> bytes:
    """The inverse of :func:`load_state`."""
    return orjson.dumps(Kept(_VERSION, detections_id, statuses_id, state))


def load_state(payload: bytes) -> Kept | None:
    """What was kept; None for what is nothing of the kind, or of another version."""
    try:
        kept: Kept = _read(orjson.loads(payload))
    except (orjson.JSONDecodeError, ShapeError):
        return None
    return kept if kept.version == _VERSION else None
