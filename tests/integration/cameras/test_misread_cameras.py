"""Cameras whose answers FFmpeg gives up on or misreads: what it is told instead."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simulator import QUIRKS, Clip, Credentials, Quirk, Server
from simulator.quirk import Track
from tests.support.clips import make_clip
from tests.support.hostile_rtsp import HostileRtsp
from tests.support.waiting import wait_until
from vision.capture.address import RtspAddress
from vision.capture.connection_history import ConnectionHistory
from vision.capture.rtsp import RtspSession
from vision.domain.errors import SourceError, SourceErrorCode
from vision.domain.secret import Secret

pytestmark = pytest.mark.integration

_REFUSED = QUIRKS["options_refused"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """What the camera shows."""
    return Clip.load(make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", fps=25))


@contextmanager
def camera(clip: Clip, quirk: Quirk, credentials: Credentials | None = None) -> Iterator[Server]:
    """A camera, ``front``, with this quirk."""
    with Server({"front": clip}, credentials=credentials) as server:
        server.cameras["front"].faults.switch(quirk, is_on=True)
        yield server


def failure(address: RtspAddress) -> SourceError:
    """Why it cannot be opened."""
    with pytest.raises(SourceError) as caught, RtspSession(address):
        pass
    return caught.value


@pytest.mark.parametrize("status", [400, 403, 404, 405, 454, 500, 501, 503, 551])
def test_a_camera_that_refuses_options_is_watched(clip: Clip, status: int) -> None:
    """Which nobody needs but FFmpeg; and nothing is left behind."""
    with camera(clip, Quirk(help="", refuse={"OPTIONS": status})) as server:
        with RtspSession(RtspAddress(server.url("front"))) as session:
            assert next(session.frames()).picture.width == 320
        wait_until(lambda: not server.clients, "the connection ends")


def test_one_that_refuses_options_is_logged_in_to(clip: Clip) -> None:
    """The right password is enough, and a wrong one is said to be wrong."""
    with camera(clip, _REFUSED, Credentials("viewer", "right")) as server:
        url = server.url("front")
        with RtspSession(RtspAddress(url, Secret("viewer"), Secret("right"))) as session:
            assert next(session.frames()).picture.width == 320
        refused = failure(RtspAddress(url, Secret("viewer"), Secret("wrong")))
    assert refused.code is SourceErrorCode.AUTH_FAILED


def test_what_is_wrong_besides_is_told(clip: Clip) -> None:
    """By what DESCRIBE and SETUP are answered with."""
    with camera(clip, _REFUSED) as server:
        address, faults = RtspAddress(server.url("front")), server.cameras["front"].faults
        faults.gone = True
        assert failure(address).code is SourceErrorCode.NOT_FOUND
        faults.gone = False
        faults.switch(QUIRKS["transport_refused"], is_on=True)
        assert "set transport: udp" in failure(address).reason


def _nul(sdp: bytes) -> bytes:
    return sdp.replace(b"Simulated", "Küche".encode("utf-16"))


def _no_transport(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "Transport"}


@pytest.mark.parametrize(
    "quirk",
    [
        Quirk(help="", describe=_nul),
        Quirk(help="", describe=lambda sdp: sdp.replace(b"\r\n", b"\r")),
        Quirk(help="", describe=lambda sdp: sdp.decode().encode("utf-16")),
        Quirk(help="", headers=_no_transport),
    ],
    ids=["NUL", "carriage returns", "UTF-16", "no transport"],
)
def test_an_answer_that_ffmpeg_cannot_read_is_told_as_it_is_meant(clip: Clip, quirk: Quirk) -> None:
    """And the camera is watched."""
    with camera(clip, quirk) as server, RtspSession(RtspAddress(server.url("front"))) as session:
        assert next(session.frames()).picture.width == 320


def test_a_camera_that_hangs_up_at_options_is_watched(clip: Clip) -> None:
    """It is not asked."""
    with Server({"front": clip}) as server, _HangsUp(server.port) as camera:
        with RtspSession(RtspAddress(f"rtsp://127.0.0.1:{camera.port}/front")) as session:
            assert next(session.frames()).picture.width == 320
        assert camera.hung_up


class _HangsUp(HostileRtsp):
    """A camera that ends each connection on which it is asked for its options."""

    hung_up = 0

    def _relay(self, client: socket.socket) -> None:
        if client.recv(7, socket.MSG_PEEK) == b"OPTIONS":
            self.hung_up += 1
        else:
            super()._relay(client)


@pytest.mark.parametrize("status", [400, 403, 404, 453, 461, 500])
def test_a_first_video_that_is_refused_costs_nothing(clip: Clip, status: int) -> None:
    """The other one is watched."""
    refused = Track(name="other", is_first=True, refusal=status, clip=clip)
    with (
        camera(clip, Quirk(help="", tracks=(refused,))) as server,
        RtspSession(RtspAddress(server.url("front"))) as session,
    ):
        assert next(session.frames()).picture.width == 320


def test_by_udp_the_remedy_is_named(clip: Clip) -> None:
    """Media go inside the connection where one of ours stands between."""
    with camera(clip, _REFUSED) as server:
        refused = failure(RtspAddress(server.url("front"), transport="udp"))
    assert refused.code is SourceErrorCode.PROTOCOL
    assert refused.reason == "the camera refused OPTIONS (501): set transport: tcp"


def test_a_session_whose_end_is_told_after_a_blank_is_kept_alive(clip: Clip) -> None:
    """After it ended twice; then for good."""
    habits = ConnectionHistory()
    with camera(clip, QUIRKS["session_blank"]) as server:
        address = RtspAddress(server.url("front"))
        for _ in range(2):
            with (
                pytest.raises(SourceError, match="closed the stream"),
                RtspSession(address, habits=habits) as session,
            ):
                for _ in session.frames():
                    pass
        for _ in range(2):
            began_s = time.monotonic()
            with RtspSession(address, habits=habits) as session:
                # Its sessions last two seconds.
                assert any(time.monotonic() - began_s > 5 for _ in session.frames())
            assert habits.is_misread


def test_a_camera_that_is_read_as_it_means_is_left_alone(clip: Clip) -> None:
    """One look, and FFmpeg talks to it itself again."""
    habits = ConnectionHistory()
    for _ in range(2):
        habits.ended(5, by_camera=True)
    with Server({"front": clip}) as server:
        with RtspSession(RtspAddress(server.url("front")), habits=habits) as session:
            assert next(session.frames()).picture.width == 320
        assert not habits.wants_relay
