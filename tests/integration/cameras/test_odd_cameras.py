"""Cameras that depart from the standards: watched all the same, or given up for a true reason."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import cv2
import numpy as np
import pytest

from simulator import QUIRKS, Clip, Quirk, Server, Track
from simulator.clip import Codec
from simulator.rtp import session_description
from tests.support.clips import make_clip
from tests.support.waiting import wait_until
from vision.capture.address import RtspAddress
from vision.capture.calibration_images import recorded
from vision.capture.probe import probe_camera
from vision.capture.rtsp import RtspSession
from vision.domain.errors import SourceError, SourceErrorCode

pytestmark = pytest.mark.integration

_READ_TIMEOUT_S = 2.0
_UNKNOWN = ("m=video 0 RTP/AVP 98", "a=rtpmap:98 vnd.example.video/90000")
_PCMU = ("m=audio 0 RTP/AVP 0", "a=rtpmap:0 PCMU/8000")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """What the camera shows: 320x240 at 25 frames a second."""
    return Clip.load(make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", fps=25))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Another one: 160x120."""
    path = tmp_path_factory.mktemp("clips") / "small.mp4"
    return Clip.load(make_clip(path, width=160, height=120, fps=25))


@contextmanager
def camera(clip: Clip, *quirks: str | Quirk) -> Iterator[Server]:
    """A camera, ``front``, with these quirks."""
    with Server({"front": clip}) as server:
        for quirk in quirks:
            chosen = QUIRKS[quirk] if isinstance(quirk, str) else quirk
            server.cameras["front"].faults.switch(chosen, is_on=True)
        yield server


def address_of(server: Server, transport: str = "tcp") -> RtspAddress:
    """Its address."""
    return RtspAddress(server.url("front"), transport=transport, read_timeout_s=_READ_TIMEOUT_S)


def sizes(server: Server, count: int = 5) -> tuple[set[tuple[int, int]], str]:
    """Of the first pictures, and which track they are of."""
    with RtspSession(address_of(server)) as session:
        pictures = [each.picture for each in islice(session.frames(), count)]
        return {(each.width, each.height) for each in pictures}, session.track


def failure(server: Server, transport: str = "tcp") -> SourceError:
    """What ends a session with it."""
    with (
        pytest.raises(SourceError) as caught,
        RtspSession(address_of(server, transport)) as session,
    ):
        for _ in session.frames():
            pass
    assert caught.value.__context__ is None
    return caught.value


def lines_of(clip: Clip) -> tuple[str, ...]:
    """How a track that would play this clip is described."""
    lines = session_description(clip).splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("m="))
    return tuple(line for line in lines[start:] if not line.startswith("a=control"))


def in_description(old: bytes, new: bytes) -> Quirk:
    """A camera with other words in its description."""
    return Quirk(help="", describe=lambda sdp: sdp.replace(old, new))


@pytest.mark.parametrize(
    "quirk",
    [
        pytest.param(QUIRKS["sdp_latin1"], id="latin-1"),
        pytest.param(in_description(b"s=Simulated", "s=\u4ed3\u5e93".encode("gbk")), id="gbk"),
        pytest.param(
            in_description(b"t=0 0", b"i=\xc3\x28\r\na=tool:\xa0\xa1\r\nt=0 0"), id="others"
        ),
        pytest.param(in_description(b"m=video", b"i=\x80\r\nm=video"), id="before-media"),
        pytest.param(
            in_description(b"a=framerate", b"i=T\xfcr\r\na=lang:d\xe9\r\na=framerate"), id="track"
        ),
    ],
)
def test_text_of_any_code_page(clip: Clip, quirk: Quirk) -> None:
    """Names are nothing to us."""
    with camera(clip, quirk) as server:
        assert sizes(server) == ({(320, 240)}, "")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 461, 500, 503, 551])
@pytest.mark.parametrize(
    "media",
    [
        _PCMU,
        (*_PCMU, "a=sendonly"),
        ("m=application 0 RTP/AVP 107", "a=rtpmap:107 vnd.onvif.metadata/90000"),
        ("m=text 0 RTP/AVP 99", "a=rtpmap:99 t140/1000"),
    ],
    ids=["audio", "talk-back", "metadata", "text"],
)
@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
def test_other_tracks_are_not_asked_for(
    clip: Clip, media: tuple[str, ...], status: int, *, is_first: bool
) -> None:
    """So it does not matter that the camera refuses them."""
    track = Track(name="other", media=media, is_first=is_first, refusal=status)
    with camera(clip, Quirk(help="", tracks=(track,))) as server:
        assert sizes(server, 1) == ({(320, 240)}, "")


@pytest.mark.parametrize("status", [400, 404, 453, 461, 500])
def test_a_second_video_that_is_refused_costs_nothing(clip: Clip, small: Clip, status: int) -> None:
    """The first one is watched."""
    with camera(clip, Quirk(help="", tracks=(Track(name="b", clip=small, refusal=status),))) as it:
        assert sizes(it) == ({(320, 240)}, "")


def test_a_track_of_an_unknown_codec_is_passed_over(clip: Clip) -> None:
    """Whether it sends or not, first or last."""
    for is_first, payload in ((True, b""), (True, b"\x00" * 50), (False, b"\x00" * 50)):
        other = Track(name="x", media=_UNKNOWN, is_first=is_first, payload=payload, payload_type=98)
        with camera(clip, Quirk(help="", tracks=(other,))) as server:
            assert sizes(server) == ({(320, 240)}, f"video track {1 + is_first} of 2")


def test_a_track_that_is_silent_is_passed_over(clip: Clip, small: Clip) -> None:
    """As when the main stream of a camera is turned off."""
    silent = Track(name="x", media=lines_of(small), is_first=True)
    with camera(clip, Quirk(help="", tracks=(silent,))) as server:
        assert sizes(server) == ({(320, 240)}, "video track 2 of 2")


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_that_send_it_is_always_the_first(
    clip: Clip, small: Clip, *, is_first: bool
) -> None:
    """Over connections, whichever happens to be quicker."""
    second = Track(name="x", clip=small, is_first=is_first)
    expected = (160, 120) if is_first else (320, 240)
    with camera(clip, Quirk(help="", tracks=(second,))) as server:
        assert [sizes(server) for _ in range(4)] == [({expected}, "video track 1 of 2")] * 4


def test_video_goes_before_stills(clip: Clip) -> None:
    """A preview in JPEG is watched only where nothing else sends."""
    with camera(clip, Quirk(help="", tracks=(_jpeg_track(),))) as server:
        assert sizes(server) == ({(320, 240)}, "video track 2 of 2")
        server.cameras["front"].faults.switch(QUIRKS["video_silent"], is_on=True)
        assert sizes(server) == ({(16, 16)}, "video track 1 of 2")


def test_another_track_is_taken_once_the_first_fell_silent(clip: Clip, small: Clip) -> None:
    """With the next connection; this one ends as with any silence, and says goodbye."""
    second = Track(name="x", clip=small)
    with camera(clip, Quirk(help="", tracks=(second,))) as server:
        assert sizes(server) == ({(320, 240)}, "video track 1 of 2")
        timer = threading.Timer(
            1, server.cameras["front"].faults.switch, (QUIRKS["video_silent"],), {"is_on": True}
        )
        timer.start()
        error = failure(server)
        assert error.code is SourceErrorCode.TIMEOUT
        assert error.reason == "the camera's video stopped, other tracks go on"
        wait_until(lambda: not server.clients, "the connection ends")
        assert sizes(server) == ({(160, 120)}, "video track 2 of 2")


def _nothing_decodes(_: Codec, __: int, ___: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return (b"\x06\x05\x01\x00\x80",)


@pytest.mark.parametrize(
    "quirks",
    [
        pytest.param(("other_tracks", "video_silent"), id="unknown-video-flows"),
        pytest.param(("video_silent",), id="only-sender-reports"),
        pytest.param(
            (
                Quirk(help="", tracks=(Track(name="x", media=_UNKNOWN, payload=b""),)),
                "video_silent",
            ),
            id="nothing",
        ),
        pytest.param((Quirk(help="", nals=_nothing_decodes),), id="no-pictures"),
        pytest.param((Quirk(help="", nals=lambda *_: (b"",)),), id="empty-packets"),
    ],
)
def test_every_look_at_a_camera_ends(clip: Clip, quirks: Sequence[str | Quirk]) -> None:
    """However much it sends that is no picture."""
    looks: list[Callable[[RtspAddress], object]] = [
        lambda address: probe_camera(address, longest_s=3),
        lambda address: [*recorded(address, 320, 5, 3.0)],
    ]
    with camera(clip, *quirks) as server:
        for look in looks:
            started_s = time.monotonic()
            with pytest.raises(SourceError) as caught:
                look(address_of(server))
            assert caught.value.code in {
                SourceErrorCode.TIMEOUT,
                SourceErrorCode.DECODE,
                SourceErrorCode.ENDED,
            }
            assert time.monotonic() - started_s < 30
        wait_until(lambda: not server.clients, "the connection ends")


def test_a_session_that_nobody_wants_any_more_ends_while_others_tracks_send(clip: Clip) -> None:
    """Although not one packet of the video comes."""
    with camera(clip, "other_tracks", "video_silent") as server:
        address = RtspAddress(server.url("front"), read_timeout_s=60)
        until_s = time.monotonic() + 0.5
        with RtspSession(address) as session:
            assert [*session.frames(lambda: time.monotonic() > until_s)] == []


@pytest.mark.parametrize(
    ("quirk", "transport", "reason"),
    [
        (
            "transport_refused",
            "tcp",
            "does not send .* inside the RTSP connection: .*transport: udp",
        ),
        (
            "transport_says_udp",
            "tcp",
            "does not send .* inside the RTSP connection: .*transport: udp",
        ),
        ("transport_refused", "udp", "does not send .* UDP: set transport: tcp"),
    ],
)
def test_a_transport_that_cannot_be_had_leads_to_the_other(
    clip: Clip, quirk: str, transport: str, reason: str
) -> None:
    """The setting is named."""
    with camera(clip, quirk) as server:
        # Each time, although FFmpeg logs the same line again.
        errors = [failure(server, transport) for _ in range(3)]
    for error in errors:
        assert error.code is SourceErrorCode.PROTOCOL
        assert re.search(reason, error.reason)


@pytest.mark.parametrize("status", [403, 404, 405, 406, 454, 500, 501, 503, 551])
@pytest.mark.parametrize("method", ["SETUP", "PLAY"])
def test_a_refused_request_is_named(clip: Clip, method: str, status: int) -> None:
    """It is no missing path; and only being forbidden is about the user."""
    with camera(clip, Quirk(help="", refuse={method: status})) as server:
        error = failure(server)
    if status == 403:
        assert error.code is SourceErrorCode.AUTH_FAILED
    else:
        assert error.code is SourceErrorCode.PROTOCOL
        assert error.reason == f"the camera refused {method} ({status})"


def test_reports_without_a_time_are_no_clock(clip: Clip) -> None:
    """The probe says so, and claims no offset."""
    with camera(clip, "ntp_zero") as server:
        seen = probe_camera(address_of(server))
    assert seen.lacks_clock
    assert seen.clock_offset_s is None


def _jpeg_track() -> Track:
    """A preview of 16x16 pixels as RTP sends it (RFC 2435, section 3.1)."""
    quality = 80
    picture = np.full((16, 16, 3), 90, np.uint8)
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    data = coded.tobytes()
    scan = data.index(b"\xff\xda")
    length = int.from_bytes(data[scan + 2 : scan + 4], "big")
    header = bytes([0, 0, 0, 0, 1, quality, 2, 2])
    return Track(
        name="jpeg",
        media=("m=video 0 RTP/AVP 26",),
        is_first=True,
        payload=header + data[scan + 2 + length : -2],
        payload_type=26 | 0x80,
    )
