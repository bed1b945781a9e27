"""Rows of cameras whose answers no camera gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.faults.fault import AWAY, SLOW_S, Fault
from tests.support import hostile_rtsp as hostile
from vision.domain.status import CameraState as State


def _hostile(reply: hostile.Reply, **bounds: Any) -> Fault:
    name = reply.__name__.replace("_", " ")
    usual = Fault(
        name=f"hostile: {name}",
        what=(reply.__doc__ or name).rstrip("."),
        begin=lambda faulty_camera: faulty_camera.answer_with(reply),
        end=lambda faulty_camera: faulty_camera.answer_with(None),
        states=(State.RECONNECTING, State.NOT_FOUND, State.DECODE_ERROR),
        # The break before it is told too; what has to be told is what came after.
        reason=r"^(?!the camera closed)",
        also=AWAY,
        detect_s=15.0,
        lasts_s=1.0,
        recover_s=20.0,
        # What breaks off at OPTIONS may be watched through the relay from then on.
        more_fds=3,
    )
    return replace(usual, **bounds)


HOSTILE_FAULTS = (
    _hostile(hostile.oversized_header),
    _hostile(hostile.endless_header),
    _hostile(hostile.endless_headers),
    _hostile(hostile.endless_redirect),
    _hostile(hostile.negative_length),
    _hostile(hostile.enormous_length),
    _hostile(hostile.binary_junk),
    _hostile(hostile.half_an_answer),
    _hostile(hostile.garbage_description, recover_s=SLOW_S),
    _hostile(
        hostile.junk_media,
        states=(State.RECONNECTING, State.STALLED, State.DECODE_ERROR),
    ),
)
