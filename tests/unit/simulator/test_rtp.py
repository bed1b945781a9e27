"""RTP packets, sender reports and session descriptions, byte by byte."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.clip import AccessUnit, Clip, Codec
from simulator.rtp import RtpStream, payloads, session_description

CODECS = st.sampled_from(Codec)
NALS = st.binary(min_size=3, max_size=5000)


def join(codec: Codec, parts: list[bytes]) -> bytes:
    """Put fragmentation units together (RFC 6184, section 5.8; RFC 7798, section 4.4.3)."""
    if len(parts) == 1:
        return parts[0]
    size = 1 if codec is Codec.H264 else 2
    assert [part[size] >> 6 for part in parts] == [0b10, *[0b00] * (len(parts) - 2), 0b01]
    first = parts[0]
    if codec is Codec.H264:
        assert {part[0] & 0x1F for part in parts} == {28}
        header = bytes([first[0] & 0xE0 | first[1] & 0x1F])
    else:
        assert {part[0] >> 1 & 0x3F for part in parts} == {49}
        header = bytes([first[0] & 0x81 | (first[2] & 0x3F) << 1, first[1]])
    return header + b"".join(part[size + 1 :] for part in parts)


@given(CODECS, NALS, st.integers(4, 1500))
def test_fragments_make_the_nal_unit_again(codec: Codec, nal: bytes, limit: int) -> None:
    """Every NAL unit survives being split, and no payload is larger than allowed."""
    parts = list(payloads(codec, nal, limit))

    assert max(map(len, parts)) <= limit
    assert (len(parts) == 1) == (len(nal) <= limit)
    assert join(codec, parts) == nal


@given(CODECS, st.lists(NALS, min_size=1, max_size=4), st.integers(-(2**31), 2**33))
def test_packets_of_an_access_unit(codec: Codec, nals: list[bytes], ticks: int) -> None:
    """One timestamp, consecutive numbers past the wrap, and the marker on the last alone."""
    stream = RtpStream(codec)
    stream.sequence = first = 0xFFFF

    packets = stream.packets(nals, ticks)

    heads = [struct.unpack(">BBHII", packet[:12]) for packet in packets]
    assert {head[0] for head in heads} == {0x80}
    assert [head[1] for head in heads] == [96] * (len(packets) - 1) + [96 | 0x80]
    assert [head[2] for head in heads] == [(first + n) % 0x10000 for n in range(len(packets))]
    assert {head[3] for head in heads} == {stream.timestamp(ticks)}
    assert len({head[4] for head in heads}) == 1


def test_streams_begin_anywhere() -> None:
    """Number, timestamp and source are random, as RFC 3550, section 5.1 asks for."""
    heads = [RtpStream(Codec.H264).packets([b"\x65abc"], 0)[0][2:12] for _ in range(3)]

    assert len({head[:2] for head in heads}) > 1
    assert len({head[2:6] for head in heads}) > 1
    assert len({head[6:] for head in heads}) > 1


def test_sender_report() -> None:
    """A compound packet: the report with both clocks and the counts, then the name."""
    stream = RtpStream(Codec.H264)
    packets = stream.packets([b"\x67abc", b"\x65" + bytes(2000)], 0)
    utc_ns = 1_763_898_000 * 10**9 + 250_000_000

    report = stream.report(9000, utc_ns)

    head, kind, length, source, ntp_s, ntp_rest, stamp, count, octets = struct.unpack(
        ">BBHIIIIII", report[:28]
    )
    assert (head, kind, length) == (0x80, 200, 6)
    assert source == int.from_bytes(packets[0][8:12], "big")
    assert ntp_s == 1_763_898_000 + 2_208_988_800
    assert ntp_rest == 2**32 // 4
    assert stamp == (int.from_bytes(packets[0][4:8], "big") + 9000) % 2**32
    assert (count, octets) == (len(packets), sum(len(packet) - 12 for packet in packets))
    description = report[28:]
    assert description[:2] == b"\x81\xca"
    assert len(description) == 4 * (1 + int.from_bytes(description[2:4], "big"))
    assert int.from_bytes(description[4:8], "big") == source
    assert description[8] == 1
    assert set(description[10 + description[9] :]) == {0}


def test_sender_report_after_the_era() -> None:
    """NTP seconds wrap in 2036 (RFC 3550, section 4)."""
    report = RtpStream(Codec.H264).report(0, (2**32 - 2_208_988_800 + 5) * 10**9)

    assert report[8:16] == struct.pack(">II", 5, 0)


@pytest.mark.parametrize(
    ("codec", "sets", "form"),
    [
        (
            Codec.H264,
            (b"\x67\x42\xc0\x1e\x01", b"\x68\x02"),
            "packetization-mode=1;profile-level-id=42C01E;sprop-parameter-sets=Z0LAHgE=,aAI=",
        ),
        (
            Codec.H265,
            (b"\x40\x01v", b"\x42\x01s", b"\x44\x01p", b"\x44\x01q"),
            "sprop-vps=QAF2;sprop-sps=QgFz;sprop-pps=RAFw,RAFx",
        ),
    ],
)
def test_session_description(codec: Codec, sets: tuple[bytes, ...], form: str) -> None:
    """Lines of RFC 8866 with what the payload formats define for the codec."""
    clip = Clip(codec, sets, (AccessUnit((b"\x65",), lag=0, step=7200),))

    text = session_description(clip)

    lines = text.split("\r\n")
    assert [line[0] for line in lines[:5]] == list("vosct")
    assert lines[-1] == ""
    media = lines[lines.index("m=video 0 RTP/AVP 96") :]
    assert media[1:5] == [
        f"a=rtpmap:96 {codec}/90000",
        f"a=fmtp:96 {form}",
        "a=framerate:12.5",
        "a=control:trackID=0",
    ]
    assert base64.b64encode(sets[0]).decode() in text
