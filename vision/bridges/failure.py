"""What an error of the network means, in our own words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from vision.bridges.errors import BridgeError, BridgeFailure

_MEANINGS: tuple[tuple[type[BaseException], BridgeFailure, str], ...] = (
    (ssl.SSLCertVerificationError, BridgeFailure.TLS, "its certificate is not believed"),
    (ssl.SSLError, BridgeFailure.TLS, "no encrypted connection comes about"),
    (TimeoutError, BridgeFailure.TIMEOUT, "no answer in time"),
    (socket.gaierror, BridgeFailure.UNREACHABLE, "its name is not known"),
    (ConnectionError, BridgeFailure.REFUSED, "nobody listens there, or the line was cut"),
)


def failure_of(error: BaseException) -> BridgeError:
    """Of ``error`` and what it came from, the first that says something.

    Never what a library says: it may name what it was given.
    """
    for one in _chain(error):
        for kind, failure, text in _MEANINGS:
            if isinstance(one, kind):
                return BridgeError(failure, text)
    return BridgeError(BridgeFailure.UNREACHABLE, "there is no way to it")


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = [error]
    while seen:
        one = seen.pop(0)
        yield one
        if isinstance(one, BaseExceptionGroup):
            seen += one.exceptions
        cause = one.__cause__ or one.__context__
        if cause is not None:
            seen.append(cause)
