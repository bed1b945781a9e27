"""Finds what looks like a credential in the path or query of an address, whoever separates how."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import SplitResult, unquote

from vision.domain.credential_keys import CREDENTIAL_KEYS, CREDENTIAL_WORDS, USER_NAME_KEYS

# Camera makers separate with any of them: /user=a_password=b_channel=1, ?a;password=b, /password/b.
_PAIR = re.compile(r"([A-Za-z0-9_.~+$\[\]-]+)[=:]")
_SEGMENT = re.compile(r"(?<=/)([A-Za-z]+)/(?=[^/?&;#])")
_PARTS = re.compile(r"[^A-Za-z0-9]+")
# As a segment of a path these are followed by the value; `user` and `key` may be a folder.
_SEGMENT_KEYS = frozenset(["password", "passwd", "passwort", "pwd", "token", "secret"])
_USER_NAMES = USER_NAME_KEYS | {"loginuse"}
_ONE_LETTER = {"u": "user name", "p": "password"}
_ENCODINGS = 3
_VALUE_END = re.compile(r"[&;,/?#\s]")


def credential_place(parts: SplitResult, placeholders: Collection[str]) -> str | None:
    """Where in an address what looks like a credential stands, with its name but not its value."""
    for name, text in (("path", parts.path), ("query", f"?{parts.query}")):
        key = credential_key_in(text, placeholders)
        if key is not None:
            return f"{name} ({key}=…)"
    return None


def credential_key_in(text: str, placeholders: Collection[str]) -> str | None:
    """The name of the first parameter in ``text`` whose value looks like a secret.

    A user name alone is none: some cameras want it in the path and ask for nothing else.

    Args:
        text: Path and query of an address, percent-encoded or not.
        placeholders: What may stand for a credential, at the beginning of a value.

    Returns:
        A word that is known as such a name, so nothing of the value; None if there is none.
    """
    for _ in range(_ENCODINGS):
        if found := _key_in(text, tuple(placeholders)):
            return found
        decoded = unquote(text)
        if decoded == text:
            break
        text = decoded
    return None


def _key_in(text: str, placeholders: tuple[str, ...]) -> str | None:
    one_letter = dict[str, str]()
    for pair in _PAIR.finditer(text):
        value = _value_at(text, pair.end())
        if not value or value.startswith(placeholders):
            continue
        known = _known_name(pair[1])
        if known and known not in _USER_NAMES:
            return known
        if pair[1].lower() in _ONE_LETTER:
            one_letter[pair[1].lower()] = value
    # Alone they may be anything, such as a port or a preset by its number.
    for letter, value in one_letter.items():
        if len(one_letter) > 1 or not value.isdecimal():
            return letter
    for segment in _SEGMENT.finditer(text):
        is_key = segment[1].lower() in _SEGMENT_KEYS
        if is_key and not text.startswith(placeholders, segment.end()):
            return segment[1].lower()
    return None


def _value_at(text: str, start: int) -> str:
    end = _VALUE_END.search(text, start)
    return text[start : end.start() if end else len(text)]


def _known_name(name: str) -> str | None:
    """The part of a parameter's name that says what its value is."""
    parts = [part for part in _PARTS.split(name.lower()) if part]
    joined = "".join(parts)
    if joined in CREDENTIAL_KEYS:
        return joined
    if parts and parts[-1] in CREDENTIAL_KEYS:
        return parts[-1]
    return next((word for word in CREDENTIAL_WORDS if word in joined), None)
