"""What FFmpeg is told in place of answers that it gives up on."""

from __future__ import annotations

import pytest

from vision.capture.response_repair import ResponseRepair, repaired
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
    told = repaired(response(status, body=b"<html>"), request("OPTIONS"))
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
    assert repaired(answer, request(method)) is answer


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (b"\r\nSession: 12; timeout=2\r\nCSeq: 3", b"\r\nSession: 12;timeout=2\r\nCSeq: 3"),
        (b"\r\nCSeq: 3\r\nsession:12; \t timeout=2", b"\r\nCSeq: 3\r\nsession:12;timeout=2"),
        (b"\r\nSession: 12;timeout=2", b"\r\nSession: 12;timeout=2"),
        (b"\r\nSession: 12", b"\r\nSession: 12"),
        (b"\r\nX: a; timeout=2", b"\r\nX: a; timeout=2"),
        (b"\r\nSession: 1 ; timeout = 2\r\nX: a", b"\r\nSession: 1;timeout=2\r\nX: a"),
        (b'\r\nSession: 1;a=b;Timeout="2"', b"\r\nSession: 1;timeout=2"),
    ],
)
def test_a_blank_before_the_timeout_of_a_session_is_left_out(headers: bytes, told: bytes) -> None:
    """FFmpeg reads on only without one."""
    assert repaired(response(200, headers), None).headers == told


_SDP = b"v=0\r\ns=x\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"


@pytest.mark.parametrize(
    "body",
    [
        _SDP.replace(b"x", b"\x00x\x00"),
        _SDP.replace(b"\r\n", b"\r"),
        _SDP.decode().encode("utf-16"),
        _SDP.decode().encode("utf-16-be"),
        _SDP.decode().encode("utf-16-le"),
    ],
)
def test_a_description_is_told_as_ffmpeg_reads_it(body: bytes) -> None:
    """It stops at a NUL, and takes a line feed for the end of a line."""
    told = repaired(response(200, b"\r\nContent-Length: 7", body), request("DESCRIBE"))
    assert told.body == _SDP
    assert told.values("Content-Length") == [str(len(_SDP))]


def test_a_codec_by_its_other_name_is_told_by_the_registered_one() -> None:
    """RFC 7798 calls it H265."""
    body = _SDP.replace(b"H264", b"HEVC")
    told = repaired(response(200, b"", body), request("DESCRIBE"))
    assert told.body == _SDP.replace(b"H264", b"H265")


@pytest.mark.parametrize("headers", [b"\r\nCSeq: 3", b"\r\nCSeq: 3\r\nTransport: "])
def test_a_setup_that_says_nothing_of_the_transport_grants_the_one_asked_for(
    headers: bytes,
) -> None:
    """Of several the first; a refused one grants none."""
    asked = RtspMessage(b"SETUP rtsp://h RTSP/1.0", b"\r\nTransport: a;interleaved=0-1, b", b"")
    assert repaired(response(200, headers), asked).values("Transport") == ["a;interleaved=0-1"]
    refused = response(461, headers)
    assert repaired(refused, asked) is refused


def test_options_is_answered_for_a_camera_that_hangs_up_at_it() -> None:
    """And nothing else."""
    mending = ResponseRepair(answers_options=True)
    own = mending.own_answer(request("OPTIONS"))
    assert own is not None
    assert (own.status, own.number) == (200, "3")
    assert mending.own_answer(request("DESCRIBE")) is None
    assert ResponseRepair().own_answer(request("OPTIONS")) is None


def test_tracks_that_are_refused_are_left_out_one_by_one() -> None:
    """As long as another one is left; other media stay."""
    video = b"m=video 0 RTP/AVP 96\r\na=control:%d\r\n"
    audio = b"m=audio 0 RTP/AVP 0\r\n"
    body = b"v=0\r\n" + audio + b"".join(video % at for at in range(3))
    mending = ResponseRepair()
    for left in ([0, 1, 2], [0, 2], [2]):
        told = mending.repaired(response(200, b"", body), request("DESCRIBE"))
        assert told.body == b"v=0\r\n" + audio + b"".join(video % at for at in left)
        # The first of the three is set up until the second one has been left out.
        if left == [0, 1, 2]:
            mending.repaired(response(200), request("SETUP"))
        mending.repaired(response(401), request("SETUP"))
        mending.repaired(response(404), request("SETUP"))
        assert mending.refused == ("SETUP", 404)
        assert mending.leave_out_refused() is (left != [2])
    assert not mending.leave_out_refused()
