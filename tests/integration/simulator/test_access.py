"""Who may watch, seen from PyAV."""

from __future__ import annotations

import base64
import logging
from itertools import islice
from pathlib import Path
from typing import Literal

import av
import pytest
import trustme

from simulator import Clip, Credentials, Server, tls_context
from tests.support.rtsp_client import RtspClient
from tests.support.viewer import watch, with_credentials
from vision.domain.errors import ConfigError

pytestmark = pytest.mark.integration

USERNAME, PASSWORD = "front door", 'p@s:s/w"ör?d'


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of the test's own."""
    return trustme.CA()


@pytest.fixture(scope="module")
def identity(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate and key of 127.0.0.1 in one PEM file."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(path)
    return path


@pytest.mark.parametrize("scheme", ["basic", "digest"])
def test_right_password_lets_in(
    clip: Clip, scheme: Literal["basic", "digest"], caplog: pytest.LogCaptureFixture
) -> None:
    """The owner watches, and no log line tells what the password is."""
    caplog.set_level(logging.DEBUG)
    credentials = Credentials(USERNAME, PASSWORD, scheme)
    with Server({"front": clip}, credentials=credentials) as server:
        url = with_credentials(server.url("front"), USERNAME, PASSWORD)
        with watch(url) as frames:
            assert len(list(islice(frames, 5))) == 5

    assert "simulate.playing path=front" in caplog.text
    token = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    for secret in (USERNAME, PASSWORD, token):
        assert secret not in caplog.text


@pytest.mark.parametrize("scheme", ["basic", "digest", "digest-sha256"])
@pytest.mark.parametrize("said", [None, (USERNAME, "wrong"), ("wrong", PASSWORD)])
def test_others_are_refused(
    clip: Clip,
    scheme: Literal["basic", "digest", "digest-sha256"],
    said: tuple[str, str] | None,
) -> None:
    """No, wrong or foreign credentials are told apart from any other failure."""
    with Server({"front": clip}, credentials=Credentials(USERNAME, PASSWORD, scheme)) as server:
        url = server.url("front")
        with (
            pytest.raises(av.error.HTTPUnauthorizedError),
            watch(with_credentials(url, *said) if said else url),
        ):
            pass


def test_unknown_camera_is_not_found(clip: Clip) -> None:
    """A path that no camera has is told apart from any other failure."""
    with (
        Server({"front": clip}) as server,
        pytest.raises(av.error.HTTPNotFoundError),
        watch(server.url("back")),
    ):
        pass


def test_unknown_camera_is_not_told_to_strangers(clip: Clip) -> None:
    """Without credentials nobody learns which cameras there are."""
    with (
        Server({"front": clip}, credentials=Credentials(USERNAME, PASSWORD)) as server,
        pytest.raises(av.error.HTTPUnauthorizedError),
        watch(server.url("back")),
    ):
        pass


def test_tls_is_verified(clip: Clip, authority: trustme.CA, identity: Path, tmp_path: Path) -> None:
    """A viewer that trusts the authority watches over TLS with the certificate checked."""
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    credentials = Credentials(USERNAME, PASSWORD)
    tls = tls_context(identity, identity)
    with Server({"front": clip}, credentials=credentials, tls=tls) as server:
        url = with_credentials(server.url("front"), USERNAME, PASSWORD)
        assert url.startswith("rtsps://")
        with watch(url, tls_verify="1", ca_file=str(ca_file)) as frames:
            assert [frame.number for frame in islice(frames, 30)] == [at % 25 for at in range(30)]


def test_certificate_of_another_authority_is_refused(
    clip: Clip, identity: Path, tmp_path: Path
) -> None:
    """The viewer that does not trust the certificate does not watch, and the server goes on."""
    ca_file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(ca_file)
    with Server({"front": clip}, tls=tls_context(identity, identity)) as server:
        with (
            pytest.raises(av.error.OSError),
            watch(server.url("front"), tls_verify="1", ca_file=str(ca_file)),
        ):
            pass
        with watch(server.url("front")) as frames:
            assert len(list(islice(frames, 3))) == 3


def test_plain_client_at_a_tls_port_is_cut_off(clip: Clip, identity: Path) -> None:
    """A client that speaks no TLS is sent away, not kept waiting."""
    with (
        Server({"front": clip}, tls=tls_context(identity, identity)) as server,
        RtspClient(server.url("front")) as client,
    ):
        client.send(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        assert client.ended()


def test_files_without_certificate_are_refused(identity: Path, tmp_path: Path) -> None:
    """The refusal names the files and what is needed."""
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")

    with pytest.raises(ConfigError, match=r"broken\.pem and .* two PEM files"):
        tls_context(broken, identity)
