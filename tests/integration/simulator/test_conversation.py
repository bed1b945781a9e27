"""RTSP said by hand: states, statuses and hostile clients."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from simulator import Clip, Credentials, Server
from tests.support.rtsp_client import RtspClient

pytestmark = pytest.mark.integration

TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"


@pytest.fixture
def server(clip: Clip) -> Iterator[Server]:
    """A server with the camera ``front``."""
    with Server({"front": clip}) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[RtspClient]:
    """A connection to it."""
    with RtspClient(server.url("front")) as client:
        yield client


def set_up(client: RtspClient) -> str:
    """Set the stream up and give the session's id."""
    answer = client.ask("SETUP", f"{client.url}/trackID=0", Transport=TCP)
    assert answer.status == 200
    return answer.headers["session"].partition(";")[0]


def test_a_whole_session(client: RtspClient) -> None:
    """Every method in its turn, a pause in between, and a second session after the first."""
    assert "PLAY" in client.ask("OPTIONS").headers["public"]
    described = client.ask("DESCRIBE", Accept="application/sdp")
    assert described.headers["content-type"] == "application/sdp"
    assert described.headers["content-base"] == f"{client.url}/"
    assert b"m=video 0 RTP/AVP 96\r\n" in described.body

    session = set_up(client)
    assert client.ask("GET_PARAMETER", Session=session).status == 200
    played = client.ask("PLAY", Session=session, Range="npt=0.000-")
    packets = client.packets()
    channel, report = next(packets)
    assert (channel, report[1]) == (1, 200)
    channel, first = next(packets)
    assert channel == 0
    sequence, stamp = int.from_bytes(first[2:4], "big"), int.from_bytes(first[4:8], "big")
    assert f";seq={sequence};rtptime={stamp}" in played.headers["rtp-info"]

    assert client.ask("PAUSE", Session=session).status == 200
    assert client.ask("PLAY", Session=session).status == 200
    assert next(packets)
    assert client.ask("TEARDOWN", Session=session).status == 200
    assert client.ask("PLAY", Session=session).status == 454
    assert set_up(client) != session


def test_answers_to_what_cannot_be(client: RtspClient) -> None:
    """Each misuse has its status, and none ends the connection."""
    track = f"{client.url}/trackID=0"
    other = client.url.replace("front", "back")

    assert client.ask("DESCRIBE", other).status == 404
    assert client.ask("DESCRIBE", "rtsp://[::/front").status == 404
    assert client.ask("SETUP", f"{client.url}/trackID=1", Transport=TCP).status == 404
    assert client.ask("SETUP", client.url, Transport=TCP).status == 459
    for transport in ("RTP/AVP;multicast", "RTP/AVP;unicast", "RAW/RAW/UDP", "", ";;,,"):
        assert client.ask("SETUP", track, Transport=transport).status == 461
    for ports in ("0-1", "70000-70001", "5000", "x-y"):
        assert client.ask("SETUP", track, Transport=f"RTP/AVP;client_port={ports}").status == 461
    for method in ("PLAY", "PAUSE", "TEARDOWN"):
        assert client.ask(method).status == 455
    for method in ("PLAY", "GET_PARAMETER", "SETUP"):
        assert client.ask(method, Session="0123456789abcdef").status == 454
    assert client.ask("RECORD").status == 501
    assert client.ask("BREW").status == 501
    refused = client.ask("OPTIONS", Require="com.example.telepathy")
    assert (refused.status, refused.headers["unsupported"]) == (551, "com.example.telepathy")

    session = set_up(client)
    assert client.ask("SETUP", track, Transport=TCP, Session=session).status == 455
    assert client.ask("PLAY").status == 454
    assert client.ask("PLAY", other, Session=session).status == 404
    assert client.ask("PLAY", Session=session).status == 200


def test_parameters_are_not_understood(client: RtspClient) -> None:
    """An empty GET_PARAMETER keeps a session alive; there is nothing to be asked for."""
    client.send(
        f"GET_PARAMETER {client.url} RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 8\r\n\r\n"
        "jitter\r\n".encode()
    )

    assert client.answer().status == 451


def test_first_offer_that_can_be_had_is_taken(client: RtspClient) -> None:
    """Of several transports, the client's own order decides."""
    offers = "RTP/AVP;multicast,RTP/AVP/TCP;unicast;interleaved=6-7,RTP/AVP;client_port=5000-5001"

    answer = client.ask("SETUP", f"{client.url}/trackID=0", Transport=offers)

    assert answer.headers["transport"] == "RTP/AVP/TCP;unicast;interleaved=6-7"


def test_requests_in_one_piece(client: RtspClient) -> None:
    """Requests that arrive together are answered in their order."""
    client.send(b"".join(b"OPTIONS * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % at for at in range(20)))

    assert [client.answer().headers["cseq"] for _ in range(20)] == [str(at) for at in range(20)]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
    ],
)
def test_hostile_clients_are_sent_away(
    server: Server, client: RtspClient, data: bytes, status: int
) -> None:
    """Nonsense is answered once and ends the connection; others do not notice."""
    client.send(data)

    assert client.answer().status == status
    assert client.ended()
    with RtspClient(server.url("front")) as other:
        assert other.ask("OPTIONS").status == 200


def test_sessions_are_unique(server: Server) -> None:
    """No two connections share a session, and one's id is of no use to another."""
    with RtspClient(server.url("front")) as first, RtspClient(server.url("front")) as second:
        one, two = set_up(first), set_up(second)

        assert one != two
        assert second.ask("PLAY", Session=one).status == 454


def test_challenge_comes_before_anything_else(clip: Clip) -> None:
    """Without credentials only OPTIONS is answered; with them, the same request is."""
    with (
        Server({"front": clip}, credentials=Credentials("u", "p", "basic")) as server,
        RtspClient(server.url("front")) as client,
    ):
        assert client.ask("OPTIONS").status == 200
        for method in ("DESCRIBE", "SETUP", "PLAY", "TEARDOWN", "GET_PARAMETER"):
            refused = client.ask(method)
            assert refused.status == 401
            assert refused.headers["www-authenticate"].startswith('Basic realm="')
        token = base64.b64encode(b"u:p").decode()
        assert client.ask("DESCRIBE", Authorization=f"Basic {token}").status == 200
