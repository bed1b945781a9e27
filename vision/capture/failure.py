"""What went wrong, in our words: FFmpeg's hold the URL with its password."""

from __future__ import annotations

import errno

import av

from vision.domain.errors import SourceError, SourceErrorCode

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


def source_error(
    error: av.error.FFmpegError, *, elapsed_s: float, timeout_s: float, tls: bool
) -> SourceError:
    """Classify ``error`` by type and circumstances, and forget its text.

    Args:
        error: From PyAV; must not be chained to the result.
        elapsed_s: How long the call took.
        timeout_s: How long it was allowed to take.
        tls: Whether the stream is ``rtsps://``.
    """
    # Measured: silence after accept is an InvalidDataError, not a TimeoutError.
    if isinstance(error, av.error.InvalidDataError) and elapsed_s >= timeout_s * 0.9:
        return SourceError(SourceErrorCode.TIMEOUT, "the camera accepts but does not answer")
    for kind, code, reason in _BY_TYPE:
        if isinstance(error, kind):
            return SourceError(code, reason)
    if error.errno in _UNREACHABLE:
        return SourceError(SourceErrorCode.UNREACHABLE, "no route to the camera")
    if error.errno == errno.EIO and tls:
        return SourceError(
            SourceErrorCode.TLS,
            "no TLS connection: certificate not trusted, wrong name, or host name not found",
        )
    if error.errno == errno.EIO:
        return SourceError(SourceErrorCode.UNREACHABLE, "host name not found or no connection")
    return SourceError(SourceErrorCode.PROTOCOL, f"media library error {error.errno}")
