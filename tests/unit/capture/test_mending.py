"""What FFmpeg is told in place of answers that it gives up on."""

from __future__ import annotations

import pytest

from vision.capture.mending import mended
from vision.capture.rtsp_messages import RtspMessage


def request(method: str) -> RtspMessage:
    """What was asked."""
    return RtspMessage(f"{method} rtsp://camera/ RTSP/1.0".encode(), b"\r\nCSeq: 3", b"")


def response(status: int, headers: bytes = b"\r\nCSeq: 3", body: bytes = b"") -> RtspMessage:
    """What the camera answered."""
    return RtspMessage(f"RTSP/1.0 {status} Whatever".encode(), headers, body)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 454, 500, 501, 551])
def test_a_refused_options_is_answered_for_the_camera(status: int) -> None:
    """With its number, and without what it said of it."""
    told = mended(response(status, body=b"<html>"), request("OPTIONS"))
    assert told.status == 200
    assert told.number == "3"
    assert "GET_PARAMETER" in told.values("Public")[0]
    assert told.body == b""


@pytest.mark.parametrize(
    ("method", "status"),
    [("OPTIONS", 200), ("OPTIONS", 401), ("DESCRIBE", 404), ("SETUP", 461), ("PLAY", 501)],
)
def test_all_other_answers_are_the_cameras_own(method: str, status: int) -> None:
    """To the byte."""
    answer = response(status, b"\r\nCSeq: 3\r\nSession: 1;timeout=60", b"body")
    assert mended(answer, request(method)) is answer


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (b"\r\nSession: 12; timeout=2\r\nCSeq: 3", b"\r\nSession: 12;timeout=2\r\nCSeq: 3"),
        (b"\r\nCSeq: 3\r\nsession:12; \t timeout=2", b"\r\nCSeq: 3\r\nsession:12;timeout=2"),
        (b"\r\nSession: 12;timeout=2", b"\r\nSession: 12;timeout=2"),
        (b"\r\nSession: 12", b"\r\nSession: 12"),
        (b"\r\nX: a; timeout=2", b"\r\nX: a; timeout=2"),
    ],
)
def test_a_blank_before_the_timeout_of_a_session_is_left_out(headers: bytes, told: bytes) -> None:
    """FFmpeg reads on only without one."""
    assert mended(response(200, headers), None).headers == told
