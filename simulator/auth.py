"""Basic and digest authentication (RFC 7617, RFC 7616 and its predecessor RFC 2617)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Scheme = Literal["basic", "digest", "digest-sha256"]

_REALM = "camera"
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))')
_ALGORITHMS = {"digest": "MD5", "digest-sha256": "SHA-256"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who may watch; ``digest`` is MD5, which all clients know, FFmpeg no other."""

    username: str
    password: str = field(repr=False)
    scheme: Scheme = "digest"


def digest_response(
    algorithm: str, credentials: Credentials, method: str, given: dict[str, str]
) -> str:
    """Response that proves the password (RFC 7616, section 3.4.1).

    ``given`` holds realm, nonce, uri and, but for clients of RFC 2069, nc, cnonce and qop.
    """

    def digest(*parts: str) -> str:
        name, text = algorithm.replace("-", ""), ":".join(parts).encode()
        return hashlib.new(name, text, usedforsecurity=False).hexdigest()

    secret = digest(credentials.username, given["realm"], credentials.password)
    request = digest(method, given["uri"])
    protection = (given["nc"], given["cnonce"], given["qop"]) if "qop" in given else ()
    return digest(secret, given["nonce"], *protection, request)


def _parameters(text: str) -> dict[str, str]:
    return {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(text)}


class AccessControl:
    """Decides who may pass, for one connection: its nonce is good for no other."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self.forget()

    def forget(self) -> None:
        """Ask for a new nonce from now on, as if there had been none."""
        self._renew(stale=False)

    def _renew(self, *, stale: bool) -> None:
        self._nonce, self._count, self._stale = secrets.token_hex(16), 0, stale

    def challenges(self, schemes: Sequence[Scheme] | None = None) -> tuple[str, ...]:
        """Values of ``WWW-Authenticate``, one for each scheme, or for that of the credentials."""
        return tuple(map(self._challenge, schemes or (self._credentials.scheme,)))

    def admits(
        self, method: str, url: str, authorization: str, schemes: Sequence[Scheme] | None = None
    ) -> bool:
        """Whether the ``Authorization`` of a request is right; takes as long to say no as yes."""
        name, _, rest = authorization.partition(" ")
        offered, given = schemes or (self._credentials.scheme,), _parameters(rest)
        if name.lower() == "basic":
            return "basic" in offered and self._basic(rest)
        algorithms = [_ALGORITHMS[each] for each in offered if each in _ALGORITHMS]
        # Clients of RFC 2069 name none.
        algorithm = given.get("algorithm", algorithms[0] if algorithms else "").upper()
        if name.lower() != "digest" or algorithm not in algorithms:
            return False
        return self._digest(algorithm, method, url, given)

    def _challenge(self, scheme: Scheme) -> str:
        if scheme == "basic":
            return f'Basic realm="{_REALM}", charset="UTF-8"'
        algorithm, stale = _ALGORITHMS[scheme], str(self._stale).lower()
        return (
            f'Digest realm="{_REALM}", nonce="{self._nonce}", algorithm={algorithm}, '
            f'qop="auth", stale={stale}'
        )

    def _basic(self, token: str) -> bool:
        try:
            given = base64.b64decode(token, validate=True)
        except (binascii.Error, ValueError):
            return False
        wanted = f"{self._credentials.username}:{self._credentials.password}"
        return hmac.compare_digest(given, wanted.encode())

    def _digest(self, algorithm: str, method: str, url: str, given: dict[str, str]) -> bool:
        try:
            count = int(given["nc"], 16) if "qop" in given else self._count + 1
            wanted = digest_response(algorithm, self._credentials, method, given)
            proof = [given["response"], given["username"], given["realm"], given["uri"]]
        except (KeyError, ValueError):
            return False
        ours = [wanted, self._credentials.username, _REALM, url]
        if not hmac.compare_digest("\0".join(proof).encode(), "\0".join(ours).encode()):
            return False
        # The password is right, so a worn nonce costs the client one more try, no question.
        if given["nonce"] != self._nonce or count <= self._count:
            self._renew(stale=True)
            return False
        self._count = count
        return True
