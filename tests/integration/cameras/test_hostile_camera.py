"""Answers that no camera gives: FFmpeg parses them, and what comes of it is an error of ours."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from simulator import Clip, Server
from tests.support import hostile_rtsp as hostile
from tests.support.clips import make_clip
from vision.capture.address import RtspAddress
from vision.capture.rtsp import RtspSession
from vision.domain.errors import SourceError

pytestmark = pytest.mark.integration

_TIMEOUT_S = 1.0


@pytest.mark.parametrize(
    "reply",
    [
        hostile.oversized_header,
        hostile.endless_header,
        hostile.endless_headers,
        hostile.endless_redirect,
        hostile.negative_length,
        hostile.enormous_length,
        hostile.binary_junk,
        hostile.half_an_answer,
        hostile.garbage_description,
        hostile.junk_media,
    ],
)
def test_a_hostile_answer_is_a_source_error_in_time(reply: hostile.Reply, tmp_path: Path) -> None:
    """Nothing else is raised, it takes no longer than the timeouts, and the next try works."""
    with (
        Server({"front": Clip.load(make_clip(tmp_path / "clip.mp4"))}) as server,
        hostile.HostileRtsp(server.port) as relay,
    ):
        address = RtspAddress(
            f"rtsp://127.0.0.1:{relay.port}/front",
            open_timeout_s=_TIMEOUT_S,
            read_timeout_s=_TIMEOUT_S,
        )
        relay.reply = reply
        started_s = time.monotonic()
        with pytest.raises(SourceError) as caught, RtspSession(address) as session:
            for _ in session.frames():
                pass
        assert time.monotonic() - started_s < 10 * _TIMEOUT_S
        assert caught.value.__context__ is None
        relay.reply = None
        with RtspSession(address) as session:
            assert next(iter(session.frames())).picture.width == 320
