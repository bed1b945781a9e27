"""A frame as bytes: a short header and the bare pixels.

Layout: the four bytes ``VFR1``, the header's length as an unsigned 32-bit integer (network
byte order), the header as JSON, and the pixels in C order. Their shape is said in the header; one
that no picture has is refused, since nobody behind this module looks again.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import orjson

from vision.domain.contract import IS_CAMERA_NAME
from vision.domain.errors import VisionError
from vision.domain.frame import ClockSource, Frame, FrameMeta, is_picture

_MAGIC = b"VFR1"
_PREFIX = struct.Struct("!4sI")
_SHAPE = "shape"
_AGE = "age_ns"
# Numbers of frames and runs that messages can have, and times that can be written as a date.
_MOST_RUN, _MOST_SEQ = 10**19, 10**15
_FAR_NS = 2**63


class FrameFormatError(VisionError):
    """Bytes that are no frame, or one of another version of the program."""


def pack_frame(frame: Frame, age_ns: int) -> bytes:
    """The frame as bytes; the pixels are copied.

    ``age_ns`` is how long ago it arrived. It travels instead of ``received_mono_ns``: a
    monotonic clock means nothing on another machine.
    """
    document = asdict(frame.meta)
    del document["received_mono_ns"]
    document[_AGE] = age_ns
    document[_SHAPE] = frame.image.shape
    header = orjson.dumps(document)
    pixels = np.ascontiguousarray(frame.image).reshape(-1).data
    return b"".join((_PREFIX.pack(_MAGIC, len(header)), header, pixels))


def unpack_frame(payload: bytes) -> tuple[Frame, int]:
    """The frame, whose image is a read-only view of ``payload``, and its ``age_ns``.

    ``received_mono_ns`` is 0: whoever knows when it was sent sets it with :func:`arrived_at`.

    Raises:
        FrameFormatError: These are not the bytes of a frame.
    """
    try:
        magic, length = _PREFIX.unpack_from(payload)
        document = orjson.loads(memoryview(payload)[_PREFIX.size : _PREFIX.size + length])
        age_ns, shape = document.pop(_AGE), tuple(document.pop(_SHAPE))
        document["clock"] = ClockSource(document["clock"])
        document["time_base"] = tuple(document["time_base"])
        meta = FrameMeta(**document, received_mono_ns=0)
        offset = _PREFIX.size + length
        is_sound = _are_integers(age_ns, *shape) and is_picture(shape) and _is_sound(document)
        is_whole = is_sound and magic == _MAGIC and len(payload) - offset == math.prod(shape)
        image = np.frombuffer(payload, np.uint8, offset=offset).reshape(shape) if is_whole else None
    except (struct.error, ValueError, TypeError, KeyError, AttributeError):
        image = None
    if image is None:
        raise FrameFormatError("not a frame of this version: run the same version everywhere")
    return Frame(meta, image), age_ns


def _is_sound(document: Mapping[str, Any]) -> bool:
    """Whether all fields are of the types that those of FrameMeta have."""
    counted = [document[name] for name in ("run", "seq", "width", "height")]
    counted += document["time_base"]
    pts, offset_ms = document["pts"], document["clock_offset_ms"]
    gated, refresh_s = document["gated"], document["refresh_s"]
    return (
        isinstance(document["camera"], str)
        and _are_integers(*counted, document["captured_ns"], document["received_ns"])
        and min(counted) > 0
        and document["run"] < _MOST_RUN
        and document["seq"] <= _MOST_SEQ
        and IS_CAMERA_NAME.problem(document["camera"]) is None
        and abs(document["captured_ns"]) < _FAR_NS
        and abs(document["received_ns"]) < _FAR_NS
        and len(document["time_base"]) == 2  # noqa: PLR2004  numerator and denominator
        and (pts is None or _are_integers(pts))
        and (offset_ms is None or type(offset_ms) in {int, float})
        and _are_integers(gated)
        and type(refresh_s) in {int, float}
        and min(gated, refresh_s) >= 0
    )


def _are_integers(*values: object) -> bool:
    # By exact type: in Python a bool is an int, in JSON it is not.
    return all(type(value) is int for value in values)


def arrived_at(frame: Frame, mono_ns: int) -> Frame:
    """The frame with its arrival on this machine's CLOCK_MONOTONIC."""
    return replace(frame, meta=replace(frame.meta, received_mono_ns=mono_ns))
