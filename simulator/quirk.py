"""How a camera departs from one that keeps to the standards: its tracks, answers and media."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from simulator.auth import Scheme
    from simulator.clip import Clip, Codec

Nals: TypeAlias = tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A track beside the video.

    Attributes:
        name: In its URL, as in ``trackID=NAME``; the video is ``0``.
        media: Its lines of the session description, from ``m=`` on; without ``a=control``.
            A track with a clip needs none.
        is_first: Whether it is described before the video.
        refusal: Status that its SETUP is answered with, 0 if it can be set up.
        payload: RTP payload that it sends every 20 ms; empty sends nothing.
        payload_type: Of these packets.
        clip: Video that it plays instead.
    """

    name: str
    media: tuple[str, ...] = ()
    is_first: bool = False
    refusal: int = 0
    payload: bytes = b""
    payload_type: int = 0
    clip: Clip | None = field(default=None, repr=False)


def _same_description(sdp: bytes) -> bytes:
    return sdp


def _same_headers(headers: dict[str, str]) -> dict[str, str]:
    return headers


def _same_nals(_: Codec, __: int, nals: Nals) -> Nals:
    return nals


def _same_time(utc_ns: int) -> int:
    return utc_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """An oddity; what is left out is as an honest camera has it. Any number may be combined.

    Attributes:
        help: What the camera does, in a phrase.
        tracks: Tracks beside the video.
        describe: Takes the session description and gives the one that is sent.
        refuse: Statuses that requests are answered with, by method.
        headers: Takes the headers of a positive answer and gives those that are sent.
        schemes: Ways to log in, in the order they are offered; None for the server's own.
        is_forgetful: Whether a nonce is good for one request, and a worn one not called stale.
        session_timeout_s: How long a client may say nothing; None for the server's own.
        nals: Takes codec, number since the viewer came, and NAL units of an access unit, and
            gives the NAL units that are sent.
        report_utc_ns: Takes the camera's time, UTC nanoseconds, and gives the one that its
            sender reports tell.
        is_silent: Whether the video sends nothing; other tracks and sender reports go on.
    """

    help: str
    tracks: tuple[Track, ...] = ()
    describe: Callable[[bytes], bytes] = _same_description
    refuse: Mapping[str, int] = field(default_factory=dict)
    headers: Callable[[dict[str, str]], dict[str, str]] = _same_headers
    schemes: tuple[Scheme, ...] | None = None
    is_forgetful: bool = False
    session_timeout_s: float | None = None
    nals: Callable[[Codec, int, Nals], Nals] = _same_nals
    report_utc_ns: Callable[[int], int] = _same_time
    is_silent: bool = False
