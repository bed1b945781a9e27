"""The requests and responses that a login is made of."""

from __future__ import annotations

import pytest

from simulator.auth import AccessControl, Credentials
from vision.capture.address import RtspAddress, moved
from vision.capture.login_relay import RequestAuthenticator
from vision.capture.rtsp_messages import MessageReader, RtspMessage
from vision.domain.secret import Secret

_LOCAL = "rtsp://127.0.0.1:5000/token"
_REMOTE = "rtsp://camera:8554"


@pytest.fixture
def login() -> RequestAuthenticator:
    """Of a camera that FFmpeg knows by another address."""
    return RequestAuthenticator(
        RtspAddress(f"{_REMOTE}/live?a=1", Secret("u"), Secret("p")), _LOCAL
    )


def message(text: str) -> RtspMessage:
    """With line ends as on the wire."""
    (found,) = MessageReader().feed(text.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    assert isinstance(found, RtspMessage)
    return found


def described(login: RequestAuthenticator, number: int = 2) -> RtspMessage:
    """A request as it goes out."""
    sent = login.request(message(f"DESCRIBE {_LOCAL}/live?a=1 RTSP/1.0\nCSeq: {number}"))
    assert isinstance(sent, RtspMessage)
    return sent


def refused(
    login: RequestAuthenticator, gate: AccessControl, number: int = 2
) -> tuple[RtspMessage | bytes, bool]:
    """What comes of a refusal."""
    offers = "".join(f"\nWWW-Authenticate: {each}" for each in gate.challenges())
    return login.response(message(f"RTSP/1.0 401 Unauthorized\nCSeq: {number}{offers}"))


def test_a_refused_request_is_repeated_with_the_answer(login: RequestAuthenticator) -> None:
    """And so are those after it, for as long as the nonce holds."""
    gate = AccessControl(Credentials("u", "p", "digest-sha256"))
    first = described(login)
    assert first.start == f"DESCRIBE {_REMOTE}/live?a=1 RTSP/1.0".encode()
    assert not first.values("Authorization")
    again, is_again = refused(login, gate)
    assert is_again
    assert isinstance(again, RtspMessage)
    for sent in (again, described(login, 3)):
        (proof,) = sent.values("Authorization")
        assert gate.admits("DESCRIBE", f"{_REMOTE}/live?a=1", proof)


def test_a_worn_nonce_is_renewed_in_mid_session(login: RequestAuthenticator) -> None:
    """Also of a keepalive."""
    gates = [AccessControl(Credentials("u", "p", "digest-sha256")) for _ in range(3)]
    for number, gate in enumerate(gates):
        described(login, number)
        again, is_again = refused(login, gate, number)
        assert is_again
        assert isinstance(again, RtspMessage)
        (proof,) = again.values("Authorization")
        assert gate.admits("DESCRIBE", f"{_REMOTE}/live?a=1", proof)


def test_the_second_refusal_is_the_clients(login: RequestAuthenticator) -> None:
    """A wrong password is tried once: cameras lock accounts."""
    gate = AccessControl(Credentials("u", "other", "digest-sha256"))
    described(login)
    assert refused(login, gate)[1]
    answer, is_again = refused(login, gate)
    assert not is_again
    assert isinstance(answer, RtspMessage)
    assert answer.status == 401
    # FFmpeg would ask once more if it were challenged.
    assert not answer.values("WWW-Authenticate")


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("rtsp://other:8555/moved?a=1", "rtsp://other:8555/moved?a=1"),
        ("rtsps://other/moved", "rtsps://other/moved"),
        ("rtsp://u:p@other/{password}", "rtsp://other/%7Bpassword%7D"),
    ],
)
def test_a_camera_that_leads_elsewhere_is_followed(
    login: RequestAuthenticator, location: str, leads_to: str
) -> None:
    """By the client on loopback, whose next connection is to another place."""
    described(login)
    told, is_again = login.response(message(f"RTSP/1.0 302 Moved\nCSeq: 2\nLocation: {location}"))
    assert not is_again
    assert isinstance(told, RtspMessage)
    assert told.values("Location")[0].startswith(f"{_LOCAL}/")
    assert login.moved_to is not None
    assert login.moved_to.url == leads_to


@pytest.mark.parametrize(
    "location", ["", "/other", "http://other/", "file:///etc/passwd", "rtsp://:x/", "rtsp://[/"]
)
def test_what_is_no_place_is_not_followed(login: RequestAuthenticator, location: str) -> None:
    """Nor is anybody led out of TLS."""
    described(login)
    answer = message(f"RTSP/1.0 302 Moved\nCSeq: 2\nLocation: {location}")
    assert login.response(answer) == (answer, False)
    assert login.moved_to is None
    assert moved(RtspAddress("rtsps://camera/"), "rtsp://camera/") is None


def test_credentials_in_the_address_are_filled_in_for_the_camera() -> None:
    """The client knows their placeholders only."""
    address = RtspAddress(f"{_REMOTE}/{{username}}/{{password}}", Secret("u:"), Secret("p@"))
    login = RequestAuthenticator(address, _LOCAL)
    sent = login.request(message(f"PLAY {_LOCAL}/{{username}}/{{password}} RTSP/1.0\nCSeq: 2"))
    assert bytes(sent).startswith(f"PLAY {_REMOTE}/u%3A/p%40 RTSP/1.0\r\n".encode())


def test_what_is_no_request_of_the_client_passes_untouched(login: RequestAuthenticator) -> None:
    """Media, answers, and what the camera asks of its own accord."""
    for item in (b"$\x00\x00\x01a", message("RTSP/1.0 200 OK\nCSeq: 9")):
        assert login.request(item) is item
        assert login.response(item) == (item, False)
    asked = message("OPTIONS rtsp://h RTSP/1.0\nCSeq: 1")
    assert login.response(asked) == (asked, False)
    unknown = message("RTSP/1.0 401 Unauthorized\nCSeq: 77\nWWW-Authenticate: Basic")
    assert login.response(unknown) == (unknown, False)


def test_requests_that_are_never_answered_are_not_kept_for_ever(
    login: RequestAuthenticator,
) -> None:
    """The newest are."""
    for number in range(100):
        described(login, number)
    gate = AccessControl(Credentials("u", "p", "digest"))
    assert not refused(login, gate, 10)[1]
    assert refused(login, gate, 99)[1]
