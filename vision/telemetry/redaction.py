"""Redaction by registered value: what was read from a secret file is shown nowhere.

Patterns guess what a credential looks like and miss the next camera's URL. Here every
value that was handed out is known, and looked for in each spelling it can take on the way to a
sink (docs/adr/0015). What has the form of a credential wherever it comes from, the user part
of a URL and an ``Authorization`` header, goes as well: a digest response is no registered value.
"""

from __future__ import annotations

import base64
import re
import threading
import unicodedata
from collections.abc import Iterator

from vision.domain.credential_keys import CREDENTIAL_KEYS, CREDENTIAL_WORDS
from vision.telemetry.secret_encodings import EncodedSecret, Span, without_odd_escapes

REDACTED = "[redacted]"
SHORTEST_ALONE = 4
"""Characters from which on a value is looked for by itself.

Taking each ``a`` out of a log leaves no log, and shows what the password is.
"""

# Six characters of base64 stand in no other word by chance.
_SHORTEST_CORE = 6
# Nothing here reads a place twice: what repeats is possessive or bounded.
_SLASH = r"(?:\\*+/|%2[Ff])"
_AUTHORITY = re.compile(rf"(?<=:){_SLASH}{_SLASH}")
_AUTHORITY_END = re.compile(r"[\s/?#\"'<>]")
_STRUCTURES = (
    (
        "uthorization",
        re.compile(
            r"(?i)authorization\W{1,8}((?:basic|bearer)\s++[^\s\"'\\,;<>]++"
            # To the end of its line, which may be written \r or \n after any escapes.
            r"|digest\b(?:[^\\\r\n]++|\\++(?![rn]))*+)"
        ),
    ),
    ("ponse=", re.compile(r"(?i)\bresponse=\W{0,4}([0-9a-f]{32,128})\b")),
)


class Redactor:
    """Knows the secrets of this process and takes them out of any text. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known = set[tuple[str, ...]]()
        self._spellings: dict[str, EncodedSecret] = {}
        self._looked_for: tuple[tuple[str, EncodedSecret], ...] = ()
        self._redactions = 0

    @property
    def redactions(self) -> int:
        """How many places were taken out so far."""
        return self._redactions

    def register(self, *values: str) -> None:
        """Learn secrets; several together are a user name and its password.

        A value stays known for ever: after a rotation the old one is still in buffers. One of
        fewer than :data:`SHORTEST_ALONE` characters is found beside its partner and after a
        name such as ``pwd=`` only.
        """
        with self._lock:
            if values in self._known:
                return
            self._known.add(values)
            for form in ("NFC", "NFD", None):
                same = [unicodedata.normalize(form, one) if form else one for one in values]
                for spelling in _encodings_of(same):
                    self._spellings.setdefault(spelling.value, spelling)
            self._looked_for = tuple((one.anchor, one) for one in self._spellings.values())

    def redact(self, text: str) -> str:
        """``text`` without any registered secret."""
        spans = list(self._spans(text))
        if not spans:
            return text
        shown, at = [], 0
        merged = list(_merged(spans))
        with self._lock:
            self._redactions += len(merged)
        for start, end in merged:
            shown += [text[at:start], REDACTED]
            at = end
        return "".join([*shown, text[at:]])

    def _spans(self, text: str) -> Iterator[Span]:
        if "@" in text:
            yield from _user_parts(text)
        for mark, structure in _STRUCTURES:
            if mark in text:
                yield from (match.span(1) for match in structure.finditer(text))
        plain = without_odd_escapes(text)
        for anchor, spelling in self._looked_for:
            if anchor in text:
                yield from spelling.spans(text, thorough=plain is not text)
            elif plain is not text and anchor in plain:
                yield from spelling.spans(text, thorough=True)


def _user_parts(text: str) -> Iterator[Span]:
    """What stands before the last ``@`` of an address after ``//``, percent-encoded or not."""
    address_end = last_at = -1
    for slashes in _AUTHORITY.finditer(text):
        start = slashes.end()
        if start >= address_end:
            end = _AUTHORITY_END.search(text, start)
            address_end = end.start() if end else len(text)
            last_at = text.rfind("@", start, address_end)
        if last_at > start:
            yield start, last_at
            last_at = -1


def _encodings_of(values: list[str]) -> Iterator[EncodedSecret]:
    values = [value for value in values if value]
    pair = ":".join(values) if len(values) > 1 else ""
    for value in values:
        if len(value) >= SHORTEST_ALONE:
            yield EncodedSecret(value)
        else:
            names = CREDENTIAL_KEYS.union(CREDENTIAL_WORDS)
            yield from (EncodedSecret(f"{name}={value}", bounded=True) for name in names)
    if pair and min(map(len, values)) < SHORTEST_ALONE <= len(pair):
        yield EncodedSecret(pair, bounded=True)
    for text in filter(None, (*values, pair)):
        data = text.encode("utf-8", "surrogatepass")
        yield from (EncodedSecret(core, token=True) for core in _base64_cores(data))
        if len(text) >= SHORTEST_ALONE:
            yield from (EncodedSecret(data.hex()), EncodedSecret(data.hex().upper()))


def _base64_cores(data: bytes) -> Iterator[str]:
    """What of ``data`` shows in base64 wherever it stands in a longer text."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        # Characters that hold bits of a neighbour as well: 8 bits a byte, 6 a character.
        first, last = -(-shift * 8 // 6), (shift + len(data)) * 8 // 6
        core = encoded[first:last]
        if len(core) >= _SHORTEST_CORE:
            yield core
            urlsafe = core.replace("+", "-").replace("/", "_")
            if urlsafe != core:
                yield urlsafe


def _merged(spans: list[Span]) -> Iterator[Span]:
    """Spans that overlap as one: of two secrets that share letters none shows its rest."""
    spans.sort()
    start, end = spans[0]
    for next_start, next_end in spans[1:]:
        if next_start < end:
            end = max(end, next_end)
        else:
            yield start, end
            start, end = next_start, next_end
    yield start, end


process_redactor = Redactor()
"""The one of this process: secrets register here when they are read, sinks ask here."""
