"""What went wrong, in our words: FFmpeg's hold the URL with its password."""

from __future__ import annotations

import errno
import logging

import av

from vision.capture.library_log import LibraryLog
from vision.domain.errors import SourceError, SourceErrorCode

_log = logging.getLogger(__name__)

_BY_TYPE: tuple[tuple[type[BaseException], SourceErrorCode, str], ...] = (
    (
        av.error.HTTPUnauthorizedError,
        SourceErrorCode.AUTH_FAILED,
        "the camera refused the user name or password (401)",
    ),
    (
        av.error.HTTPForbiddenError,
        SourceErrorCode.AUTH_FAILED,
        "the camera refuses this user (403)",
    ),
    (
        av.error.HTTPNotFoundError,
        SourceErrorCode.NOT_FOUND,
        "the camera has no stream at this path (404)",
    ),
    (
        av.error.HTTPClientError,
        SourceErrorCode.PROTOCOL,
        "the camera refused the request (4xx)",
    ),
    (
        av.error.HTTPServerError,
        SourceErrorCode.PROTOCOL,
        "the camera failed on the request (5xx)",
    ),
    (
        av.error.ConnectionRefusedError,
        SourceErrorCode.REFUSED,
        "nothing listens on the camera's port",
    ),
    (av.error.TimeoutError, SourceErrorCode.TIMEOUT, "the camera did not answer in time"),
    (av.error.ExitError, SourceErrorCode.TIMEOUT, "the camera stopped sending"),
    (av.error.InvalidDataError, SourceErrorCode.PROTOCOL, "the camera sent no valid answer"),
)
_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN})
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _UNSUPPORTED_TRANSPORT = 401, 403, 404, 461
_HINTS = {
    453: ": it has no bandwidth left, let others watch it less or take its smaller stream",
}
_OTHER_TRANSPORTS = {
    "tcp": "the camera does not send its video inside the RTSP connection: set transport: udp",
    "udp": "the camera does not send its video by UDP: set transport: tcp",
}


def refusal(
    log: LibraryLog, transport: str, seen: tuple[str, int] | None = None
) -> SourceError | None:
    """What the camera refused while it was opened, where that says more than the error does.

    Args:
        log: Of the opening.
        transport: That was asked for, ``tcp`` or ``udp``.
        seen: Method and status of a refusal that FFmpeg did not log, which it does not of 400.
    """
    method, status = log.refused or seen or ("", 0)
    if log.is_other_transport or (method, status) == ("SETUP", _UNSUPPORTED_TRANSPORT):
        return SourceError(SourceErrorCode.PROTOCOL, _OTHER_TRANSPORTS[transport])
    # These are about the user and the path.
    if not method or status == _UNAUTHORIZED or (method, status) == ("DESCRIBE", _NOT_FOUND):
        return None
    if status == _FORBIDDEN and method != "OPTIONS":
        return None
    hint = _HINTS.get(status, "")
    if (method, transport) == ("OPTIONS", "udp"):
        hint = ": set transport: tcp"
    return SourceError(SourceErrorCode.PROTOCOL, f"the camera refused {method} ({status}){hint}")


def is_refused_options(error: Exception, log: LibraryLog) -> bool:
    """Whether the camera may have refused OPTIONS, without which FFmpeg does not go on."""
    method, status = log.refused or ("", 0)
    # FFmpeg does not log a status of 400.
    is_unlogged = not method and isinstance(error, av.error.HTTPBadRequestError)
    return is_unlogged or (method == "OPTIONS" and status != _UNAUTHORIZED)


def is_refused_track(error: Exception, log: LibraryLog) -> bool:
    """Whether the camera may have refused one track of several while it was opened."""
    # FFmpeg does not log a status of 400.
    is_unlogged = log.refused is None and isinstance(error, av.error.HTTPBadRequestError)
    method, status = log.refused or ("", 0)
    # A wrong password is not sent again.
    return is_unlogged or (method == "SETUP" and status != _UNAUTHORIZED)


def source_error(
    error: Exception, *, elapsed_s: float, timeout_s: float, tls: bool, is_open: bool = False
) -> SourceError:
    """Classify ``error`` by type and circumstances, and forget its text.

    Args:
        error: From PyAV, of any class; must not be chained to the result.
        elapsed_s: How long the call took.
        timeout_s: How long it was allowed to take.
        tls: Whether the stream is ``rtsps://``.
        is_open: Whether the camera was connected already.
    """
    if isinstance(error, SourceError):
        return error
    if not isinstance(error, av.error.FFmpegError):
        return _unexpected(error)
    # Measured: silence after accept is an InvalidDataError, not a TimeoutError; and PLAY without an
    # answer, or with one that is none, gives EPERM.
    is_no_answer = isinstance(error, av.error.InvalidDataError) or error.errno == errno.EPERM
    if is_no_answer and elapsed_s >= timeout_s * 0.9:
        return SourceError(SourceErrorCode.TIMEOUT, "the camera accepts but does not answer")
    for kind, code, reason in _BY_TYPE:
        if isinstance(error, kind):
            return SourceError(code, reason)
    if error.errno == errno.EIO and is_open:
        # Measured: also after 127 packets in a row that FFmpeg cannot read.
        return SourceError(
            SourceErrorCode.ENDED, "the connection broke, or what the camera sends is no video"
        )
    return _by_number(error.errno, tls=tls)


def _by_number(number: int | None, *, tls: bool) -> SourceError:
    if number in _UNREACHABLE:
        return SourceError(SourceErrorCode.UNREACHABLE, "no route to the camera")
    if number == errno.EIO and tls:
        return SourceError(
            SourceErrorCode.TLS,
            "no TLS connection: certificate not trusted, wrong name, or host name not found",
        )
    if number == errno.EIO:
        return SourceError(SourceErrorCode.UNREACHABLE, "host name not found or no connection")
    reason = "the camera sent no valid answer" if number == errno.EPERM else None
    return SourceError(SourceErrorCode.PROTOCOL, reason or f"media library error {number}")


def _unexpected(error: Exception) -> SourceError:
    # Our own fault or the library's; where it arose is all that helps to find it.
    kind = type(error).__name__
    _log.error("capture.unexpected_error kind=%s", kind, exc_info=error)
    return SourceError(
        SourceErrorCode.PROTOCOL, f"the media library failed on what the camera sends ({kind})"
    )
