"""Logins that FFmpeg does not know, and reasons that lead to the remedy."""

from __future__ import annotations

import dataclasses
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from simulator import QUIRKS, Clip, Credentials, Quirk, Server
from simulator.auth import Scheme
from simulator.server import tls_context
from tests.support.hostile_rtsp import HostileRtsp
from tests.support.ingest import ingesting
from tests.support.waiting import wait_until
from vision.capture.address import RtspAddress
from vision.capture.login import login_relay
from vision.capture.probe import probe_camera
from vision.capture.rtsp import RtspSession
from vision.config.secrets import write_secret
from vision.domain.errors import SourceError, SourceErrorCode
from vision.domain.secret import Secret
from vision.domain.status import CameraState

pytestmark = pytest.mark.integration

_USERNAME, _PASSWORD = "view er@x", "p:a/s?s#w%rd@&=+ü"


@pytest.fixture
def secrets_dir(tmp_path: Path) -> Path:
    """A folder with the right password."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    write_secret(folder / "camera_front_username", _USERNAME)
    write_secret(folder / "camera_front_password", _PASSWORD)
    return folder


def locked(
    clip: Clip,
    *schemes: Scheme,
    password: str = _PASSWORD,
    tls: ssl.SSLContext | None = None,
) -> Server:
    """A camera that offers these ways to log in, in this order."""
    server = Server({"front": clip}, credentials=Credentials(_USERNAME, password), tls=tls)
    server.cameras["front"].faults.switch(Quirk(help="", schemes=schemes), is_on=True)
    return server


def address(server: Server, password: str | None = _PASSWORD) -> RtspAddress:
    """Of the camera, with credentials or without."""
    username = None if password is None else Secret(_USERNAME)
    return RtspAddress(
        server.url("front"), username, None if password is None else Secret(password)
    )


@pytest.mark.parametrize(
    "schemes",
    [
        ("digest", "digest-sha256"),
        ("digest-sha256", "digest"),
        ("digest-sha256",),
        ("digest-sha256", "basic"),
        ("basic", "digest-sha256"),
        ("basic", "digest"),
        ("digest", "basic"),
    ],
)
def test_one_of_several_ways_that_is_known_is_taken(
    schemes: tuple[Scheme, ...], clip: Clip
) -> None:
    """In whatever order, whether FFmpeg knows it or not."""
    with locked(clip, *schemes) as server:
        assert probe_camera(address(server)).width == 320


def test_a_worker_stays_online_and_leaves_no_connection(clip: Clip, secrets_dir: Path) -> None:
    """Frames flow on, and come back after the camera breaks off."""
    with (
        locked(clip, "digest", "digest-sha256") as server,
        ingesting(server.url("front"), secrets_dir, fps=10) as ingest,
    ):
        ingest.wait_for_frames(20)
        assert ingest.states[-1] is CameraState.ONLINE
        server.cut()
        ingest.wait_for_state(CameraState.RECONNECTING)
        ingest.wait_for_frames(20)
        assert CameraState.AUTH_FAILED not in ingest.states
    wait_until(lambda: server.clients == 0, "the camera is left")


def test_a_wrong_password_is_said_to_be_one(clip: Clip) -> None:
    """Whoever sent it."""
    for schemes in (("digest",), ("digest-sha256",), ("basic",)):
        with locked(clip, *schemes, password="other") as server:
            with pytest.raises(SourceError, match="refused the user name or password") as caught:
                probe_camera(address(server))
            assert caught.value.code is SourceErrorCode.AUTH_FAILED


def test_missing_credentials_are_said_to_be_missing(clip: Clip) -> None:
    """No password was refused: none was sent."""
    with (
        locked(clip, "digest") as server,
        pytest.raises(SourceError, match="asks for a user name and a password"),
    ):
        probe_camera(address(server, None))


def test_a_login_that_needs_tcp_says_so(clip: Clip) -> None:
    """Media by UDP would go to the relay's address."""
    with (
        locked(clip, "digest-sha256") as server,
        pytest.raises(SourceError, match=r"Digest SHA-256\) is supported with transport: tcp"),
    ):
        probe_camera(dataclasses.replace(address(server), transport="udp"))


@contextmanager
def refusing(*offers: str) -> Iterator[str]:
    """URL of a camera that refuses everything and offers these."""
    headers = "".join(f"WWW-Authenticate: {offer}\r\n" for offer in offers)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while request := self._head():
                number = next(line for line in request if line.startswith("CSeq:"))
                answer = f"RTSP/1.0 401 Unauthorized\r\n{number}\r\n{headers}\r\n"
                self.wfile.write(answer.encode())

        def _head(self) -> list[str]:
            lines = iter(lambda: self.rfile.readline().decode().strip(), "")
            return [*lines]

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"rtsp://127.0.0.1:{server.server_address[1]}/front"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("offers", "reason"),
    [
        (["Bearer"], r"login is not supported \(Bearer\): set it to Digest"),
        (['Digest realm="x", nonce="y", algorithm=SHA3'], r"not supported \(Digest SHA3\)"),
        (["NTLM", 'Negotiate realm="x"'], r"not supported \(Ntlm, Negotiate\)"),
        ([], "refused the user name or password"),
        (['Digest realm="x", nonce="y"'], "refused the user name or password"),
        (['Digest realm="x", nonce="y", algorithm=SHA-256'], "refused the user name or password"),
    ],
)
def test_a_login_that_fails_says_why(offers: list[str], reason: str) -> None:
    """The camera's way is named with those that are supported, or it is the password."""
    with refusing(*offers) as url, pytest.raises(SourceError, match=reason) as caught:
        probe_camera(RtspAddress(url, Secret(_USERNAME), Secret(_PASSWORD)))
    assert caught.value.code is SourceErrorCode.AUTH_FAILED
    assert _PASSWORD not in str(caught.value)


@pytest.mark.parametrize("scheme", ["digest", "digest-sha256"])
def test_a_camera_that_takes_each_nonce_once_is_logged_in_to(scheme: Scheme, clip: Clip) -> None:
    """Though it does not say that a worn one is stale, and has media requests as well."""
    server = locked(clip, scheme)
    server.cameras["front"].faults.switch(QUIRKS["login_worn_nonce"], is_on=True)
    with server:
        assert probe_camera(address(server)).width == 320
        with pytest.raises(SourceError, match="refused the user name or password"):
            probe_camera(address(server, "wrong"))


@pytest.mark.parametrize(
    ("username", "password"), [("a:b", "p"), ("viewer", "p" * 200), ("ü" * 40, "ß:" * 40)]
)
@pytest.mark.parametrize("scheme", ["digest", "digest-sha256"])
def test_credentials_that_ffmpeg_cuts_or_splits_are_sent_whole(
    clip: Clip, scheme: Scheme, username: str, password: str
) -> None:
    """It takes the first colon for the end of a name, and keeps 127 bytes."""
    with Server({"front": clip}, credentials=Credentials(username, password, scheme)) as server:
        url = server.url("front")
        assert probe_camera(RtspAddress(url, Secret(username), Secret(password))).width == 320


def test_credentials_in_the_address_go_through_a_relay(clip: Clip) -> None:
    """As they do without."""
    with Server({"who": clip}) as server:
        server.cameras["who"].faults.switch(QUIRKS["options_refused"], is_on=True)
        url = server.url("{username}").replace("%7B", "{").replace("%7D", "}")
        assert probe_camera(RtspAddress(url, Secret("who"), Secret("x"))).width == 320


@contextmanager
def leading_to(location: str) -> Iterator[str]:
    """URL of a camera that sends its clients elsewhere."""

    def reply(method: str, number: str, _: str) -> Iterator[bytes]:
        answer = "200 OK" if method == "OPTIONS" else f"302 Found\r\nLocation: {location}"
        yield f"RTSP/1.0 {answer}\r\nCSeq: {number}\r\n\r\n".encode()

    with HostileRtsp(0) as camera:
        camera.reply = reply
        yield f"rtsp://127.0.0.1:{camera.port}/front"


@pytest.mark.parametrize("scheme", ["basic", "digest", "digest-sha256"])
def test_a_login_where_the_camera_leads_to(clip: Clip, scheme: Scheme) -> None:
    """Whether FFmpeg knows the way or not; and a wrong password is said to be one."""
    with locked(clip, scheme) as server, leading_to(server.url("front")) as url:
        right = dataclasses.replace(address(server), url=url)
        assert probe_camera(right).width == 320
        wrong = dataclasses.replace(right, password=Secret("other"))
        with pytest.raises(SourceError, match="refused the user name or password"):
            probe_camera(wrong)


def test_an_empty_password_is_sent(clip: Clip) -> None:
    """By FFmpeg and by the relay."""
    for schemes in (("digest",), ("basic",), ("digest-sha256",)):
        with locked(clip, *schemes, password="") as server:
            assert probe_camera(address(server, "")).width == 320


def test_a_relay_checks_the_certificate(clip: Clip, tmp_path: Path) -> None:
    """As FFmpeg would, by the camera's settings."""
    authority = trustme.CA()
    identity, ca_file = tmp_path / "identity.pem", tmp_path / "ca.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(identity)
    authority.cert_pem.write_to_path(ca_file)
    with locked(clip, "digest-sha256", tls=tls_context(identity, identity)) as server:
        trusting = dataclasses.replace(address(server), tls_ca_file=ca_file)
        assert probe_camera(trusting).width == 320
        assert probe_camera(dataclasses.replace(address(server), tls_verify=False)).width == 320
        named = dataclasses.replace(trusting, tls_server_name="camera.example")
        for wrong in (address(server), named):
            with pytest.raises(SourceError) as caught:
                probe_camera(wrong)
            assert caught.value.code is SourceErrorCode.TLS


def test_a_session_that_must_be_kept_alive_is(clip: Clip) -> None:
    """Its keepalives are logged in too."""
    server = locked(clip, "digest-sha256")
    server.cameras["front"].faults.switch(Quirk(help="", session_timeout_s=6.0), is_on=True)
    with server, RtspSession(address(server)) as session:
        began_s = time.monotonic()
        assert any(time.monotonic() - began_s > 8 for _ in session.frames())


def test_a_stranger_gets_nothing_out_of_a_relay(clip: Clip) -> None:
    """Who does not know the path is not logged in."""
    with locked(clip, "digest-sha256") as server:
        relay = login_relay(address(server))
        assert relay is not None
        host, port = relay.address.url.split("/")[2].split(":")
        with socket.create_connection((host, int(port)), 10) as stranger:
            stranger.sendall(b"DESCRIBE rtsp://127.0.0.1/front RTSP/1.0\r\nCSeq: 1\r\n\r\n")
            stranger.settimeout(10)
            assert stranger.recv(100) == b""
        relay.close()


def test_a_relay_that_nobody_came_to_is_closed_at_once(clip: Clip) -> None:
    """And leaves no thread."""
    with locked(clip, "digest-sha256") as server:
        relay = login_relay(address(server))
        assert relay is not None
        for _ in range(2):
            relay.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "login-relay"]
