"""The quirks that have a name: each was seen on real cameras and broke clients."""

from __future__ import annotations

import zlib
from types import MappingProxyType
from typing import TYPE_CHECKING

from simulator.quirk import Quirk, Track

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.clip import Codec
    from simulator.quirk import Nals

_NTP_EPOCH_NS = -2_208_988_800_000_000_000
"""The NTP timestamp zero, 1900, as UTC nanoseconds."""
_PCMU_SILENCE = b"\xff" * 160
_PCMU = ("m=audio 0 RTP/AVP 0", "a=rtpmap:0 PCMU/8000")
_TALK_BACK = ("m=audio 0 RTP/AVP 0", "c=SM SM spk0", "a=sendonly", "a=rtpmap:0 PCMU/8000")
_METADATA = ("m=application 0 RTP/AVP 107", "a=rtpmap:107 vnd.onvif.metadata/90000")
_UNKNOWN_VIDEO = ("m=video 0 RTP/AVP 98", "a=rtpmap:98 vnd.example.video/90000")


def _latin1_name(sdp: bytes) -> bytes:
    return sdp.replace(b"s=Simulated camera", "s=Kamera Einfahrt Süd".encode("latin-1"))


def _udp_transport(headers: dict[str, str]) -> dict[str, str]:
    if "Transport" not in headers:
        return headers
    ports = "client_port=5000-5001;server_port=6000-6001"
    return headers | {"Transport": f"RTP/AVP;unicast;{ports}"}


def _blank_in_session(headers: dict[str, str]) -> dict[str, str]:
    if "Session" not in headers:
        return headers
    return headers | {"Session": headers["Session"].replace(";timeout", "; timeout")}


def _damaged_sets(codec: Codec, number: int, nals: Nals) -> Nals:
    sets = [at for at, nal in enumerate(nals) if codec.nal_type(nal) in codec.parameter_sets]
    # Any bits will do, as long as they are others each time and the same in each run.
    chosen = zlib.crc32(number.to_bytes(8, "big"))
    if not sets or chosen & 1:
        return nals
    at = sets[(chosen >> 1) % len(sets)]
    damaged = bytearray(nals[at])
    bit = (chosen >> 8) % (8 * len(damaged))
    damaged[bit // 8] ^= 1 << bit % 8
    return (*nals[:at], bytes(damaged), *nals[at + 1 :])


QUIRKS: Mapping[str, Quirk] = MappingProxyType(
    {
        "sdp_latin1": Quirk(
            help="the session description holds text that is not UTF-8",
            describe=_latin1_name,
        ),
        "audio_refused": Quirk(
            help="an audio track is described and its SETUP refused (461)",
            tracks=(Track(name="audio", media=_PCMU, refusal=461),),
        ),
        "talk_back_refused": Quirk(
            help="a talk-back track is described and its SETUP refused (400)",
            tracks=(Track(name="talk", media=_TALK_BACK, refusal=400),),
        ),
        "metadata_refused": Quirk(
            help="a metadata track is described first and its SETUP refused (404)",
            tracks=(Track(name="metadata", media=_METADATA, is_first=True, refusal=404),),
        ),
        "unknown_video_first": Quirk(
            help="a video track of an unknown codec is described before the real one",
            tracks=(Track(name="unknown", media=_UNKNOWN_VIDEO, is_first=True),),
        ),
        "other_tracks": Quirk(
            help="audio and video of an unknown codec are sent beside the video",
            tracks=(
                Track(name="audio", media=_PCMU, payload=_PCMU_SILENCE),
                Track(name="unknown", media=_UNKNOWN_VIDEO, payload=b"\x00" * 64, payload_type=98),
            ),
        ),
        "video_silent": Quirk(
            help="the video sends nothing, other tracks and sender reports go on",
            is_silent=True,
        ),
        "options_refused": Quirk(
            help="OPTIONS is refused (501)",
            refuse={"OPTIONS": 501},
        ),
        "transport_refused": Quirk(
            help="every transport is refused (461)",
            refuse={"SETUP": 461},
        ),
        "transport_says_udp": Quirk(
            help="SETUP is answered with UDP, whatever was asked for",
            headers=_udp_transport,
        ),
        "session_blank": Quirk(
            help="a session ends after 2 s of silence, which is told after a blank",
            headers=_blank_in_session,
            session_timeout_s=2.0,
        ),
        "ntp_zero": Quirk(
            help="sender reports carry no time (NTP timestamp 0)",
            report_utc_ns=lambda _: _NTP_EPOCH_NS,
        ),
        "damaged_sets": Quirk(
            help="one bit of a parameter set is wrong in every second key frame or so",
            nals=_damaged_sets,
        ),
        "login_sha256_md5": Quirk(
            help="digest is offered with SHA-256 and then with MD5",
            schemes=("digest-sha256", "digest"),
        ),
        "login_md5_sha256": Quirk(
            help="digest is offered with MD5 and then with SHA-256",
            schemes=("digest", "digest-sha256"),
        ),
        "login_worn_nonce": Quirk(
            help="a nonce of digest is good for one request, and a worn one is not called stale",
            is_forgetful=True,
        ),
    }
)
"""By name, as ``vision simulate --quirk`` and ``--control`` take them."""
