"""Who may read: response headers, host names and the token."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from collections.abc import Callable
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vision.domain.secret import Secret

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    # Another site must neither embed a camera's picture nor keep a handle on the page.
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    # Pictures of people do not belong on a disk.
    "cache-control": "no-store",
}


def open_access() -> None:
    """The source of a token where none is asked for."""


def is_loopback(host: str) -> bool:
    """Whether a server that listens on ``host`` can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def trusted_hosts(host: str) -> list[str]:
    """The names a ``Host`` header may carry when the server listens on ``host``.

    On a loopback address that is loopback names: a foreign page whose name was rebound to
    this machine still sends its own. Elsewhere any name may lead here, and the token guards.
    """
    if not is_loopback(host):
        return ["*"]
    return ["localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host]


class SecureHeaders:
    """Puts the security headers on every response that does not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, with the headers added on its way out."""

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_secured)


TokenSource = Callable[[], Secret | None]
"""The token that a request must carry now; None for open access."""


class TokenGuard:
    """Lets requests through that carry the token; ``/livez`` needs none.

    The token comes as ``Authorization: Bearer``, or as the password of HTTP Basic with any
    user name, for which browsers ask. An answer that goes on ends once its token is replaced.
    """

    def __init__(self, app: ASGIApp, token: TokenSource, secret_name: str = "web_token") -> None:  # noqa: S107  the name of a file
        """``token`` is asked at each request and at each part of an answer."""
        self._app = app
        self._key = os.urandom(32)
        self._token = token
        self._secret_name = secret_name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that carries the token, refuse any other with 401."""
        if scope["type"] != "http" or scope["path"] == "/livez":
            await self._app(scope, receive, send)
            return
        offered = _offered(Headers(scope=scope).get("authorization", ""))
        if self._admits(offered):
            await self._app(scope, receive, self._while_admitted(offered, send))
            return
        refusal = PlainTextResponse(
            f"A token is needed: see secret file {self._secret_name}.\n", 401
        )
        refusal.headers.append("www-authenticate", 'Basic realm="Ariia Vision", charset="UTF-8"')
        refusal.headers.append("www-authenticate", 'Bearer realm="Ariia Vision"')
        await refusal(scope, receive, send)

    def _while_admitted(self, offered: bytes, send: Send) -> Send:
        """As ``send``, until the token is replaced: then the answer ends."""
        is_over = False

        async def send_on(message: Message) -> None:
            nonlocal is_over
            if is_over:
                return
            if message.get("more_body") and not self._admits(offered):
                is_over = True
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        return send_on

    def _admits(self, offered: bytes) -> bool:
        token = self._token()
        if token is None:
            return True
        expected = token.get_secret_value().encode()
        # Nobody is let in by an empty password.
        return bool(expected) and hmac.compare_digest(self._digest(offered), self._digest(expected))

    def _digest(self, token: bytes) -> bytes:
        """Of one length for all tokens: how long a comparison takes tells not even that."""
        return hmac.digest(self._key, token, "sha256")


def _offered(authorization: str) -> bytes:
    """The token in an ``Authorization`` header; nothing where there is none."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip().encode("latin-1")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            pass
    return b""
