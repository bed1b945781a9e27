"""Why a camera refused a login, and what helps: FFmpeg knows fewer ways than cameras do."""

from __future__ import annotations

from collections.abc import Sequence

from vision.capture.address import RtspAddress, moved
from vision.capture.camera_socket import camera_socket
from vision.capture.challenge import (
    Challenge,
    challenges,
    chosen_by_ffmpeg,
    is_known_to_ffmpeg,
)
from vision.capture.login_relay import LoginRelay
from vision.capture.response_repair import ResponseRepair
from vision.capture.rtsp_messages import MessageReader, RtspMessage
from vision.domain.errors import SourceError, SourceErrorCode

_RECEIVE_BYTES = 65536
_UNAUTHORIZED = 401
# That a camera leads to, one after the other.
_MOST_PLACES = 4


def login_relay(address: RtspAddress, *, was_admitted: bool = False) -> LoginRelay | None:
    """What logs in to the camera at ``address`` in FFmpeg's place, after FFmpeg was refused.

    It may have been admitted first and refused later: cameras that take each nonce once do not
    always say that a worn one is stale, and then FFmpeg gives up.

    None if that would not help: FFmpeg knew the way, so it is the user name or the password, or
    the camera does not say anything more. One that admits everybody at first may ask later.

    Raises:
        SourceError: The reason is another one.
    """
    if address.username is None or address.password is None:
        raise SourceError(
            SourceErrorCode.AUTH_FAILED,
            "the camera asks for a user name and a password (401), and it has no secret files",
        )
    offered = _offered(address)
    if not offered:
        return new_relay(address) if was_admitted and address.transport == "tcp" else None
    chosen, username = chosen_by_ffmpeg(offered), address.username.get_secret_value()
    if chosen is not None and is_known_to_ffmpeg(chosen, username) and not was_admitted:
        return None
    names = ", ".join(dict.fromkeys(each.name for each in offered))
    best = max(offered, key=lambda each: each.strength)
    if not best.strength:
        raise SourceError(
            SourceErrorCode.AUTH_FAILED,
            f"the camera's login is not supported ({names}): set it to Digest (MD5, SHA-256 or "
            "SHA-512-256) or Basic",
        )
    if address.transport != "tcp":
        raise SourceError(
            SourceErrorCode.AUTH_FAILED,
            f"the camera's login ({names}) is supported with transport: tcp only",
        )
    return new_relay(address)


def new_relay(address: RtspAddress, mending: ResponseRepair | None = None) -> LoginRelay | None:
    """What stands between FFmpeg and the camera at ``address``; None if there is no port."""
    try:
        return LoginRelay(address, mending)
    except OSError:
        return None


def _offered(address: RtspAddress) -> Sequence[Challenge]:
    """The camera's challenges to a request without credentials; none if it is not to be had.

    It may be the one that the camera at ``address`` sends its clients to.
    """
    place: RtspAddress | None = address
    for _ in range(_MOST_PLACES):
        answer = _answer(place) if place else None
        if place is None or answer is None:
            break
        if answer.status == _UNAUTHORIZED:
            return challenges(answer.values("WWW-Authenticate"))
        place = moved(place, next(iter(answer.values("Location")), ""))
    return ()


def _answer(address: RtspAddress) -> RtspMessage | None:
    """What DESCRIBE is answered with; None if FFmpeg's own answer has to do."""
    url = address.filled(address.url)
    request = (f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n").encode()
    try:
        with camera_socket(address) as connection:
            connection.sendall(request)
            reader = MessageReader()
            while data := connection.recv(_RECEIVE_BYTES):
                for item in reader.feed(data):
                    if isinstance(item, RtspMessage) and item.status:
                        return item
    except (OSError, ValueError):
        return None
    return None
