"""Why a camera refused a login, and what helps: FFmpeg knows fewer ways than cameras do."""

from __future__ import annotations

from collections.abc import Sequence

from vision.capture.address import RtspAddress
from vision.capture.camera_socket import camera_socket
from vision.capture.challenge import (
    Challenge,
    challenges,
    chosen_by_ffmpeg,
    is_known_to_ffmpeg,
)
from vision.capture.login_relay import LoginRelay
from vision.capture.rtsp_messages import MessageReader, RtspMessage
from vision.domain.errors import SourceError, SourceErrorCode

_RECEIVE_BYTES = 65536
_UNAUTHORIZED = 401


def login_relay(address: RtspAddress, *, was_admitted: bool = False) -> LoginRelay | None:
    """What logs in to the camera at ``address`` in FFmpeg's place, after FFmpeg was refused.

    It may have been admitted first and refused later: cameras that take each nonce once do not
    always say that a worn one is stale, and then FFmpeg gives up.

    None if that would not help: FFmpeg knew the way, so it is the user name or the password, or
    the camera does not say anything more.

    Raises:
        SourceError: The reason is another one.
    """
    offered = _offered(address)
    if not offered:
        return None
    if address.username is None or address.password is None:
        raise SourceError(
            SourceErrorCode.AUTH_FAILED,
            "the camera asks for a user name and a password (401), and it has no secret files",
        )
    chosen = chosen_by_ffmpeg(offered)
    if chosen is not None and is_known_to_ffmpeg(chosen) and not was_admitted:
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


def new_relay(address: RtspAddress) -> LoginRelay | None:
    """What stands between FFmpeg and the camera at ``address``; None if there is no port."""
    try:
        return LoginRelay(address)
    except OSError:
        return None


def _offered(address: RtspAddress) -> Sequence[Challenge]:
    """The camera's challenges to a request without credentials; none if it is not to be had."""
    request = (
        f"DESCRIBE {address.url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
    ).encode()
    try:
        with camera_socket(address) as connection:
            connection.sendall(request)
            reader = MessageReader()
            while data := connection.recv(_RECEIVE_BYTES):
                for item in reader.feed(data):
                    if isinstance(item, RtspMessage) and item.status:
                        is_asked = item.status == _UNAUTHORIZED
                        return challenges(item.values("WWW-Authenticate")) if is_asked else ()
    except (OSError, ValueError):
        # FFmpeg's own answer has to do.
        return ()
    return ()
