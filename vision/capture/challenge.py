"""What a camera asks for at its login, and the answer (RFC 7616, RFC 7617 and RFC 2617)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# A challenge begins with its scheme; its parameters hold a "=".
_SCHEME = re.compile(r"(?:^|,)\s*([A-Za-z][A-Za-z0-9-]*)(?=\s+[^=\s,]|\s*(?:,|$))")
_PARAMETER = re.compile(r'([A-Za-z0-9-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
# By strength, and how hashlib names the hash.
_HASHES = {"MD5": "md5", "SHA256": "sha256", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
# FFmpeg compares them as they are written, and has buffers for the values.
_FFMPEG_ALGORITHMS = frozenset({"", "MD5", "MD5-sess"})
_FFMPEG_BYTES = {"realm": 200, "nonce": 300, "opaque": 300, "qop": 30}
_LOOSE = re.compile(r"\s=|=\s")
_ESCAPED = re.compile(r'["\\]')
_SESSION = "-SESS"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to log in that a camera offers.

    Attributes:
        scheme: ``basic``, ``digest`` or another one, in lower case.
        parameters: By name in lower case.
        is_strict: Whether it is written as most cameras do: a blank after the scheme, names of
            parameters in lower case, and no blank beside a ``=``.
    """

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    is_strict: bool = True

    @property
    def algorithm(self) -> str:
        """Of a digest, in upper case; empty if none is named, which means MD5."""
        return self.parameters.get("algorithm", "").upper()

    @property
    def name(self) -> str:
        """For people: ``Digest SHA-256``, ``Basic``."""
        if self.scheme == "digest":
            return f"Digest {self.parameters.get('algorithm') or 'MD5'}"
        return self.scheme.capitalize()

    @property
    def strength(self) -> int:
        """The greater the better; 0 if there is no answer to it."""
        if self.scheme == "basic":
            return 1
        hashes = [*_HASHES]
        known = (self.algorithm or "MD5").removesuffix(_SESSION)
        if self.scheme != "digest" or known not in hashes or self.quality is None:
            return 0
        return 2 + hashes.index(known)

    @property
    def quality(self) -> str | None:
        """The ``qop`` to answer with: empty for none, None where none of those offered is known."""
        offered = _listed(self.parameters.get("qop", ""))
        return next((each for each in ("auth", "auth-int", "") if each in offered), None)


def challenges(values: Iterable[str]) -> list[Challenge]:
    """Those in the values of ``WWW-Authenticate``, of which one may hold several."""
    found = []
    for value in values:
        begins = [*_SCHEME.finditer(_without_quoted(value))]
        for at, begin in enumerate(begins):
            end = begins[at + 1].start() if at + 1 < len(begins) else len(value)
            text = value[begin.end() : end]
            given = _PARAMETER.findall(text)
            parameters = {
                name.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare
                for name, quoted, bare in given
            }
            is_strict = text.startswith(" ") and not _LOOSE.search(_without_quoted(text))
            is_strict = is_strict and all(name == name.lower() for name, *_ in given)
            found.append(Challenge(begin[1].lower(), parameters, is_strict))
    return found


def chosen_by_ffmpeg(offered: Iterable[Challenge]) -> Challenge | None:
    """The one that FFmpeg 8 answers: the last digest, else the last Basic."""
    chosen = None
    for each in offered:
        is_digest = each.scheme == "digest"
        if is_digest or (each.scheme == "basic" and (chosen is None or chosen.scheme == "basic")):
            chosen = each
    return chosen


def is_known_to_ffmpeg(challenge: Challenge, username: str = "") -> bool:
    """Whether FFmpeg 8 has the right answer to it, for a user of this name."""
    given = challenge.parameters
    if challenge.scheme != "digest":
        return challenge.scheme == "basic" and challenge.is_strict
    is_read = challenge.is_strict and all(
        len(given.get(name, "").encode()) < limit and not _ESCAPED.search(given.get(name, ""))
        for name, limit in _FFMPEG_BYTES.items()
    )
    is_answered = given.get("algorithm", "") in _FFMPEG_ALGORITHMS
    # It splits user name and password at the first colon, and escapes nothing.
    is_told = ":" not in username and not _ESCAPED.search(username)
    return is_read and is_answered and is_told and challenge.quality != "auth-int"


class ChallengeResponder:
    """Answers one challenge, request for request."""

    def __init__(self, challenge: Challenge, username: str, password: str) -> None:
        self._challenge = challenge
        self._username, self._password = username, password
        self._count = 0

    def authorization(self, method: str, uri: str) -> str:
        """Value of ``Authorization`` for the next request."""
        if self._challenge.scheme == "basic":
            pair = f"{self._username}:{self._password}".encode()
            return f"Basic {base64.b64encode(pair).decode()}"
        return self._digest(method, uri)

    def _digest(self, method: str, uri: str) -> str:
        given = self._challenge.parameters
        realm, nonce = given.get("realm", ""), given.get("nonce", "")
        algorithm = self._challenge.algorithm or "MD5"
        self._count += 1
        count, own = f"{self._count:08x}", secrets.token_hex(8)

        def digest(*parts: str) -> str:
            name, text = _HASHES[algorithm.removesuffix(_SESSION)], ":".join(parts).encode()
            return hashlib.new(name, text, usedforsecurity=False).hexdigest()

        secret = digest(self._username, realm, self._password)
        if algorithm.endswith(_SESSION):
            secret = digest(secret, nonce, own)
        # What FFmpeg asks has no body, so that ``auth-int`` protects an empty one.
        offered = self._challenge.quality
        body = (digest(""),) if offered == "auth-int" else ()
        quality = (count, own, offered) if offered else ()
        response = digest(secret, nonce, *quality, digest(method, uri, *body))
        quoted = {"username": self._username, "realm": realm, "nonce": nonce, "uri": uri}
        quoted["response"] = response
        if "opaque" in given:
            quoted["opaque"] = given["opaque"]
        bare = {"algorithm": given["algorithm"]} if "algorithm" in given else {}
        if offered:
            bare |= {"qop": offered, "nc": count}
        if quality or algorithm.endswith(_SESSION):
            quoted["cnonce"] = own
        parts = [f'{name}="{_escaped(value)}"' for name, value in quoted.items()]
        return "Digest " + ", ".join([*parts, *(f"{name}={value}" for name, value in bare.items())])


def _listed(text: str) -> set[str]:
    return {each.strip().lower() for each in text.split(",")}


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _without_quoted(value: str) -> str:
    """Of the same length; what was quoted cannot be taken for a scheme."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', lambda found: '"' + "=" * (len(found[0]) - 2) + '"', value)
