"""RTP packets, sender reports and the session description of one video stream."""

from __future__ import annotations

import base64
import secrets
import struct
from typing import TYPE_CHECKING

from simulator.clip import Clip, Codec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simulator.quirk import Track

PAYLOAD_TYPE = 96
_MAX_PAYLOAD = 1400
_FU_A_H264, _FU_H265 = 28, 49
_SENDER_REPORT, _SOURCE_DESCRIPTION, _CNAME = 200, 202, 1
_UNIX_EPOCH_NTP_S = 2_208_988_800


def payloads(codec: Codec, nal: bytes, limit: int = _MAX_PAYLOAD) -> Iterator[bytes]:
    """Split a NAL unit into RTP payloads of at most ``limit`` bytes.

    A single NAL unit packet where it fits, else fragmentation units (RFC 6184, sections 5.6
    and 5.8; RFC 7798, sections 4.4.1 and 4.4.3).
    """
    if len(nal) <= limit:
        yield nal
        return
    if codec is Codec.H264:
        indicator, body = bytes([nal[0] & 0xE0 | _FU_A_H264]), nal[1:]
    else:
        indicator, body = bytes([nal[0] & 0x81 | _FU_H265 << 1, nal[1]]), nal[2:]
    room = limit - len(indicator) - 1
    for start in range(0, len(body), room):
        edges = (start == 0) << 7 | (start + room >= len(body)) << 6
        yield indicator + bytes([edges | codec.nal_type(nal)]) + body[start : start + room]


class RtpStream:
    """The RTP stream of one viewer (RFC 3550); times are ticks since it began."""

    def __init__(
        self,
        codec: Codec,
        first_timestamp: int | None = None,
        payload_type: int = PAYLOAD_TYPE,
    ) -> None:
        """``first_timestamp`` is that of tick 0, modulo 2**32; None takes a random one."""
        self._payload_type = payload_type
        self.sequence = secrets.randbits(16)
        self._codec = codec
        self._source = secrets.randbits(32)
        self._first = secrets.randbits(32) if first_timestamp is None else first_timestamp
        self._name = secrets.token_hex(8).encode()
        self._packets = self._octets = 0

    def timestamp(self, ticks: int) -> int:
        """RTP timestamp of a time, which may lie before the start."""
        return self._first + ticks & 0xFFFFFFFF

    def packets(self, nals: Sequence[bytes], ticks: int) -> list[bytes]:
        """Packets of one access unit; the last one carries the marker bit."""
        parts = [payload for nal in nals for payload in payloads(self._codec, nal)]
        packets = []
        for left, payload in zip(range(len(parts), 0, -1), parts, strict=True):
            packets.append(self.packet(payload, ticks, is_last=left == 1))
        return packets

    def packet(self, payload: bytes, ticks: int, *, is_last: bool = False) -> bytes:
        """One packet; the last one of a picture carries the marker bit."""
        kind = self._payload_type | is_last << 7
        stamp = self.timestamp(ticks)
        header = struct.pack(">BBHII", 0x80, kind, self.sequence, stamp, self._source)
        self.sequence = self.sequence + 1 & 0xFFFF
        self._packets += 1
        self._octets += len(payload)
        return header + payload

    def report(self, ticks: int, utc_ns: int) -> bytes:
        """Sender report and source description (RFC 3550, sections 6.4.1 and 6.5)."""
        seconds, rest_ns = divmod(utc_ns, 1_000_000_000)
        ntp = (seconds + _UNIX_EPOCH_NTP_S << 32 | (rest_ns << 32) // 1_000_000_000) & (1 << 64) - 1
        sender = (self._source, ntp, self.timestamp(ticks))
        sent = (self._packets & 0xFFFFFFFF, self._octets & 0xFFFFFFFF)
        report = struct.pack(">BBHIQIII", 0x80, _SENDER_REPORT, 6, *sender, *sent)
        item = struct.pack(">IBB", self._source, _CNAME, len(self._name)) + self._name
        # At least one zero byte ends the list of items, on a boundary of four bytes.
        item += bytes(4 - len(item) % 4)
        return report + struct.pack(">BBH", 0x81, _SOURCE_DESCRIPTION, len(item) // 4) + item


def session_description(clip: Clip, tracks: Sequence[Track] = ()) -> str:
    """SDP (RFC 8866) of a live stream: a video track, ``trackID=0``, and those beside it."""
    lines = [
        "v=0",
        f"o=- {secrets.randbits(32)} 1 IN IP4 0.0.0.0",
        "s=Simulated camera",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
    ]
    for track in tracks:
        lines += _track(track) if track.is_first else ()
    lines += [*_video(clip), "a=control:trackID=0"]
    for track in tracks:
        lines += () if track.is_first else _track(track)
    return "\r\n".join(lines) + "\r\n"


def _track(track: Track) -> list[str]:
    media = _video(track.clip) if track.clip else track.media
    return [*media, f"a=control:trackID={track.name}"]


def _video(clip: Clip) -> list[str]:
    codec = clip.codec
    coded = {
        kind: ",".join(
            base64.b64encode(nal).decode()
            for nal in clip.parameter_sets
            if codec.nal_type(nal) == kind
        )
        for kind in codec.parameter_sets
    }
    if codec is Codec.H264:
        profile = clip.parameter_sets[0][1:4].hex().upper()
        sets = ",".join(coded.values())
        form = f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={sets}"
    else:
        form = "sprop-vps={};sprop-sps={};sprop-pps={}".format(*coded.values())
    return [
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} {codec}/90000",
        f"a=fmtp:{PAYLOAD_TYPE} {form}",
        f"a=framerate:{clip.fps:g}",
    ]
