"""Requests out of what clients send, friendly or not."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simulator.message import Refusal, Request, RequestReader, response

DESCRIBE = b"DESCRIBE rtsp://h/front RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n"
GET_PARAMETER = (
    b"GET_PARAMETER rtsp://h/front RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 5\r\n\r\nhello"
)
RECEIVER_REPORT = b"$\x01\x00\x08\x80\xc9\x00\x01abcd"


def read(*chunks: bytes) -> list[Request]:
    """All requests of what arrives in these chunks."""
    reader, found = RequestReader(), []
    for chunk in chunks:
        reader.feed(chunk)
        while request := reader.take():
            found.append(request)
    return found


@given(st.lists(st.integers(0, 400), max_size=12))
def test_chunks_do_not_matter(cuts: list[int]) -> None:
    """Requests, empty lines and RTCP in between are told apart however they are cut."""
    data = DESCRIBE + b"\r\n" + RECEIVER_REPORT + GET_PARAMETER + RECEIVER_REPORT + DESCRIBE
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]

    found = read(*(data[a:b] for a, b in pairwise(edges)))

    assert [request.method for request in found] == ["DESCRIBE", "GET_PARAMETER", "DESCRIBE"]
    assert [request.body for request in found] == [b"", b"hello", b""]
    assert found[0].headers == {"cseq": "2", "accept": "application/sdp"}


@pytest.mark.parametrize(
    ("url", "stream", "track", "base"),
    [
        ("rtsp://h:8554/front", "front", "", "rtsp://h:8554/front/"),
        ("rtsp://h/front/", "front", "", "rtsp://h/front/"),
        ("rtsp://h/front/trackID=0", "front", "0", "rtsp://h/front/"),
        ("rtsp://h/a/b%20c/trackID=1/", "a/b c", "1", "rtsp://h/a/b%20c/"),
        ("rtsp://h/front?x=/trackID=0", "front", "", "rtsp://h/front/"),
        ("/front", "front", "", "/front/"),
        ("*", "*", "", "*/"),
        ("rtsp://h", "", "", "rtsp://h/"),
        ("rtsp://[h/front", "", "", "rtsp://[h/front/"),
    ],
)
def test_targets(url: str, stream: str, track: str, base: str) -> None:
    """A URL names a stream and perhaps its track, whatever stands around it."""
    request = Request("DESCRIBE", url, {})

    assert (request.stream, request.track, request.base) == (stream, track, base)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"DESCRIBE rtsp://h/front RTSP/1.0\r\n\r\n", 400),
        (b"DESCRIBE rtsp://h/front RTSP/1.0\r\nCSeq: x\r\n\r\n", 400),
        (b"DESCRIBE rtsp://h/front RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"DESCRIBE rtsp://h/front RTSP/2.0\r\nCSeq: 1\r\n\r\n", 505),
        (b"DESCRIBE rtsp://h/front RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999\r\n\r\n", 413),
        (b"DESCRIBE rtsp://h/" + b"a" * 10000 + b" RTSP/1.0\r\nCSeq: 1\r\n\r\n", 431),
        (b"x" * 8192, 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_refused(data: bytes, status: int) -> None:
    """Each kind of nonsense gets the status that RFC 2326 has for it."""
    with pytest.raises(Refusal) as caught:
        read(data)

    assert caught.value.status == status


@given(st.lists(st.binary(max_size=3000), max_size=8))
@example([b"$"])
@example([b"$\x00\xff\xff" + b"a" * 100])
@example([b"\r\n" * 5000])
@example([b"A * RTSP/1.0\r\nCSeq: \xff\r\n\r\n"])
def test_noise_is_a_request_or_refused(chunks: list[bytes]) -> None:
    """No bytes of a client raise anything but a refusal or grow the buffer without end."""
    reader = RequestReader()
    try:
        for chunk in chunks:
            reader.feed(chunk)
            while request := reader.take():
                assert request.stream is not None
    except Refusal as refusal:
        response(refusal.status, refusal.headers)
    assert len(reader._data) <= 8192 + 65536 + 3000


@given(
    st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1),
    st.dictionaries(st.sampled_from(["Session", "Transport", "Authorization"]), st.text()),
)
def test_odd_requests_are_read(url: str, headers: dict[str, str]) -> None:
    """Whatever stands in a URL or header, what is read from it is text of one line."""
    lines = [f"SETUP {url} RTSP/1.0", "CSeq: 1", *(f"{n}: {t}" for n, t in headers.items())]
    try:
        found = read("\r\n".join([*lines, "", ""]).encode(errors="replace"))
    except Refusal:
        return
    for request in found:
        assert not {"\r", "\n"} & {*request.url, *request.base, *"".join(request.headers.values())}
        assert isinstance(request.session + request.track + request.stream, str)


def test_response() -> None:
    """Status line, headers, and a length where there is a body."""
    assert response(454, {"CSeq": "7"}) == b"RTSP/1.0 454 Session Not Found\r\nCSeq: 7\r\n\r\n"
    assert response(200, {}, "ä".encode()) == (
        b"RTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n" + "ä".encode()
    )


def test_a_header_of_several_texts_is_repeated() -> None:
    """As a camera does that offers several ways to log in."""
    answer = response(401, {"WWW-Authenticate": ("Basic", "Digest")})
    assert answer.endswith(b"\r\nWWW-Authenticate: Basic\r\nWWW-Authenticate: Digest\r\n\r\n")
