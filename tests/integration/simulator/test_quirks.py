"""Every quirk, as it is on the wire."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import pytest

from simulator import QUIRKS, Clip, Credentials, Quirk, Server, Track
from simulator.clip import Codec
from tests.support.rtsp_client import RtspClient, RtspResponse

pytestmark = pytest.mark.integration


@contextmanager
def client_of(
    clip: Clip, *quirks: str | Quirk, credentials: Credentials | None = None
) -> Iterator[RtspClient]:
    """A client of a camera with these quirks."""
    with Server({"front": clip}, credentials=credentials) as server:
        for quirk in quirks:
            chosen = QUIRKS[quirk] if isinstance(quirk, str) else quirk
            server.cameras["front"].faults.switch(chosen, is_on=True)
        with RtspClient(server.url("front")) as client:
            yield client


def set_up(client: RtspClient, track: str, channel: int = 0, **headers: str) -> RtspResponse:
    """Set a track up inside the connection."""
    transport = f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"
    return client.ask("SETUP", f"{client.url}/trackID={track}", Transport=transport, **headers)


def description(client: RtspClient) -> list[bytes]:
    """Lines of the session description."""
    return client.ask("DESCRIBE").body.splitlines()


def test_text_that_is_not_utf8(clip: Clip) -> None:
    """As cameras send it whose owner named them in Latin-1."""
    with client_of(clip, "sdp_latin1") as client, pytest.raises(UnicodeDecodeError):
        b"".join(description(client)).decode()


@pytest.mark.parametrize(
    ("quirk", "track", "status", "media"),
    [
        ("audio_refused", "audio", 461, ["video", "audio"]),
        ("talk_back_refused", "talk", 400, ["video", "audio"]),
        ("metadata_refused", "metadata", 404, ["application", "video"]),
        ("unknown_video_first", "unknown", 200, ["video", "video"]),
    ],
)
def test_a_track_beside_the_video(
    clip: Clip, quirk: str, track: str, status: int, media: Sequence[str]
) -> None:
    """It is described, and set up or refused, and the video plays on its own."""
    with client_of(clip, quirk) as client:
        lines = description(client)
        kinds = [line[2:].split()[0].decode() for line in lines if line.startswith(b"m=")]
        assert kinds == [*media]
        assert f"a=control:trackID={track}".encode() in lines
        assert set_up(client, track, 2).status == status
        session = set_up(client, "0").headers["session"].partition(";")[0]
        assert client.ask("PLAY", Session=session).status == 200
        assert {channel for channel, _ in islice(client.packets(), 20)} == {0, 1}


def test_tracks_that_send_while_the_video_is_silent(clip: Clip) -> None:
    """Audio of 160 samples a packet and packets of no codec, without one of the video."""
    with client_of(clip, "other_tracks", "video_silent") as client:
        session = set_up(client, "0").headers["session"].partition(";")[0]
        assert set_up(client, "audio", 2, Session=session).status == 200
        assert set_up(client, "unknown", 4, Session=session).status == 200
        assert set_up(client, "audio", 6, Session=session).status == 455
        assert client.ask("PLAY", Session=session).status == 200
        packets = [*islice(client.packets(), 40)]
    assert {channel for channel, _ in packets} == {1, 2, 4}
    audio = [packet for channel, packet in packets if channel == 2]
    assert {packet[1] for packet in audio} == {0}
    assert {len(packet) for packet in audio} == {172}


def test_a_second_video(clip: Clip) -> None:
    """A track with a clip of its own plays it, described before the first."""
    second = Quirk(help="", tracks=(Track(name="sub", is_first=True, clip=clip),))
    with client_of(clip, second) as client:
        lines = description(client)
        assert sum(line.startswith(b"m=video") for line in lines) == 2
        assert lines.index(b"a=control:trackID=sub") < lines.index(b"a=control:trackID=0")
        session = set_up(client, "sub", 2).headers["session"].partition(";")[0]
        assert client.ask("PLAY", Session=session).status == 455
        assert set_up(client, "0", Session=session).status == 200
        assert client.ask("PLAY", Session=session).status == 200
        assert {channel for channel, _ in islice(client.packets(), 40)} == {0, 1, 2}


def test_a_refused_method(clip: Clip) -> None:
    """The others are answered."""
    with client_of(clip, "options_refused") as client:
        assert client.ask("OPTIONS").status == 501
        assert client.ask("DESCRIBE").status == 200


def test_transports_that_cannot_be_had(clip: Clip) -> None:
    """Refused, or answered with another one than was asked for."""
    with client_of(clip, "transport_refused") as client:
        assert set_up(client, "0").status == 461
    with client_of(clip, "transport_says_udp") as client:
        assert "client_port" in set_up(client, "0").headers["transport"]


def test_a_session_that_ends_soon(clip: Clip) -> None:
    """It says so after a blank, and means it."""
    with client_of(clip, "session_blank") as client:
        assert set_up(client, "0").headers["session"].endswith("; timeout=2")
        assert client.ended()


def test_reports_without_a_time(clip: Clip) -> None:
    """NTP 0 (RFC 3550, section 6.4.1)."""
    with client_of(clip, "ntp_zero") as client:
        client.play()
        channel, report = next(client.packets())
    assert (channel, report[1]) == (1, 200)
    assert struct.unpack_from(">Q", report, 8) == (0,)


@pytest.mark.parametrize(
    ("quirk", "algorithms"),
    [("login_sha256_md5", ["SHA-256", "MD5"]), ("login_md5_sha256", ["MD5", "SHA-256"])],
)
def test_several_ways_to_log_in(clip: Clip, quirk: str, algorithms: list[str]) -> None:
    """Each in a header of its own."""
    with client_of(clip, quirk, credentials=Credentials("viewer", "secret")) as client:
        challenges = client.ask("DESCRIBE").headers["www-authenticate"].split("Digest ")[1:]
    assert [f"algorithm={name}," in each for name, each in zip(algorithms, challenges, strict=True)]


def test_nal_units_are_changed_on_their_way(clip: Clip) -> None:
    """By codec and number of the access unit."""
    seen = []

    def nals(codec: Codec, number: int, nals: tuple[bytes, ...]) -> tuple[bytes, ...]:
        seen.append((codec, number))
        return (b"\x0c" + bytes([number]),) if number > 1 else nals

    with client_of(clip, Quirk(help="", nals=nals)) as client:
        client.play()
        payloads = (packet[12:] for channel, packet in client.packets() if channel == 0)
        assert next(payload for payload in payloads if payload[0] == 0x0C) == b"\x0c\x02"
    assert seen[:2] == [(Codec.H264, 1), (Codec.H264, 2)]


def test_damaged_parameter_sets(clip: Clip) -> None:
    """One bit of one of them, in some key frames; everything else is as it was."""
    damage, kinds = QUIRKS["damaged_sets"].nals, set()
    whole = clip.units[0].nals
    for number in range(400):
        damaged = damage(clip.codec, number, whole)
        wrong = [at for at, nal in enumerate(damaged) if nal != whole[at]]
        assert len(wrong) <= 1
        for at in wrong:
            bits = int.from_bytes(damaged[at], "big") ^ int.from_bytes(whole[at], "big")
            assert bits.bit_count() == 1
            kinds.add(clip.codec.nal_type(whole[at]))
    assert kinds == {*clip.codec.parameter_sets}
    others = clip.units[1].nals
    assert all(damage(clip.codec, number, others) == others for number in range(400))


def test_a_nonce_that_is_good_once(clip: Clip) -> None:
    """The next one is offered as if it were the first."""
    with client_of(clip, "login_worn_nonce", credentials=Credentials("viewer", "secret")) as client:
        offers = [client.ask("DESCRIBE").headers["www-authenticate"] for _ in range(3)]
    assert len(set(offers)) == len(offers)
    assert all("stale=false" in offer for offer in offers)
