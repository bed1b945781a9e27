"""RTSP taken apart: whatever comes at once, nothing is lost or held back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.capture.rtsp_messages import MessageReader, RtspMessage

_REQUEST = b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 7\r\nTransport: x\r\n\r\n"
_ANSWER = (
    b"RTSP/1.0 401 Unauthorized\r\ncseq:7\r\nWWW-Authenticate: A\r\nwww-authenticate: B\r\n\r\n"
)
_BODY = b"RTSP/1.0 200 OK\r\nCSeq: 8\r\nContent-Length: 5\r\n\r\n$ab\r\n"


def frame(payload: bytes) -> bytes:
    """An interleaved one."""
    return b"$\x00" + len(payload).to_bytes(2, "big") + payload


def test_a_message_is_understood() -> None:
    """Its kind, number, and headers that come more than once."""
    request, answer, body = MessageReader().feed(_REQUEST + _ANSWER + _BODY)
    assert isinstance(request, RtspMessage)
    assert isinstance(answer, RtspMessage)
    assert isinstance(body, RtspMessage)
    assert (request.status, request.number) == (0, "7")
    assert (answer.status, answer.number) == (401, "7")
    assert answer.values("WWW-Authenticate") == ["A", "B"]
    assert (body.status, body.body) == (200, b"$ab\r\n")


_PARTS = st.lists(
    st.sampled_from([_REQUEST, _ANSWER, _BODY]) | st.binary(max_size=300).map(frame), max_size=12
)


@given(_PARTS, st.lists(st.integers(1, 400), max_size=40))
def test_nothing_is_lost_however_it_is_cut(parts: list[bytes], cuts: list[int]) -> None:
    """What was complete has come out, to the byte and in order."""
    data, reader, out = b"".join(parts), MessageReader(), b""
    for size in [*cuts, len(data)]:
        piece, data = data[:size], data[size:]
        out += b"".join(bytes(item) for item in reader.feed(piece))
    assert out == b"".join(parts)


def test_blank_lines_between_messages_are_passed_over() -> None:
    """As cameras send them."""
    (found,) = MessageReader().feed(b"\r\n\r\n" + _ANSWER)
    assert isinstance(found, RtspMessage)
    assert found.status == 401


@pytest.mark.parametrize(
    "data",
    [
        b"x" * (1 << 16),
        b"RTSP/1.0 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 1e3\r\n\r\n",
    ],
)
def test_what_is_no_rtsp_is_an_error(data: bytes) -> None:
    """And is not kept for ever."""
    with pytest.raises(ValueError, match="no "):
        list(MessageReader().feed(data))
