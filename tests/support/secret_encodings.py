"""Ways in which code of others writes a credential; written without a look at our own."""

from __future__ import annotations

import base64
import html
import json
import shlex
from collections.abc import Callable
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import quoteattr

Encoder = Callable[[str], str]


def _percent_all(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


ENCODERS: dict[str, Encoder] = {
    "raw": str,
    "percent": lambda text: quote(text, safe=""),
    "percent, path": quote,
    "percent, userinfo": lambda text: quote(text, safe="!$&'()*+,;="),
    "percent, browser": lambda text: quote(text, safe="!$&'()*+,;=:@/?[]|^`{}"),
    "percent, lower": lambda text: _lower_hex(quote(text, safe="")),
    "percent, plus": quote_plus,
    "percent, all": _percent_all,
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "json": lambda text: json.dumps(text)[1:-1],
    "json, utf-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json, twice": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "json, slash": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "json, html": lambda text: (
        json.dumps(text)[1:-1].replace("&", "\\u0026").replace("<", "\\u003c")
    ),
    "repr": lambda text: repr(text)[1:-1],
    "repr, twice": lambda text: repr(repr(text)[1:-1])[1:-1],
    "repr, ascii": lambda text: ascii(text)[1:-1],
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
    "repr of repr of bytes": lambda text: repr(repr(text.encode())[2:-1])[1:-1],
    "json of repr": lambda text: json.dumps(repr(text)[1:-1])[1:-1],
    "json of percent": lambda text: json.dumps(quote(text))[1:-1],
    "percent of json": lambda text: quote(json.dumps(text)[1:-1], safe=""),
    "html": html.escape,
    "html, twice": lambda text: html.escape(html.escape(text)),
    "html of json": lambda text: html.escape(json.dumps(text)[1:-1]),
    "percent of html": lambda text: quote(html.escape(text), safe=""),
    "xml attribute": lambda text: quoteattr(text)[1:-1],
    "xml, numeric": lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
    "shell": lambda text: shlex.quote(text)[1:-1] if shlex.quote(text) != text else text,
    "latin-1 read as utf-8": lambda text: text.encode().decode("latin-1"),
    "surrogates": lambda text: text.encode().decode("ascii", "surrogateescape"),
    "backslashreplace": lambda text: text.encode("ascii", "backslashreplace").decode(),
    "hex": lambda text: text.encode().hex(),
}
"""How a single value is written, alone or inside of something longer."""


def _lower_hex(text: str) -> str:
    parts = text.split("%")
    return parts[0] + "".join(f"%{part[:2].lower()}{part[2:]}" for part in parts[1:])


def basic(username: str, password: str) -> tuple[str, ...]:
    """The words that carry both, as in ``Authorization: Basic`` (RFC 7617)."""
    pair = f"{username}:{password}".encode()
    words = [base64.b64encode(pair).decode(), base64.urlsafe_b64encode(pair).decode()]
    return (*words, *(word.rstrip("=") for word in words))


def written(username: str, password: str) -> list[str]:
    """Every way to write a user name with its password that this project knows of."""
    forms = [encode(value) for value in (username, password) for encode in ENCODERS.values()]
    forms += [encode(f"{username}:{password}") for encode in ENCODERS.values()]
    return [*forms, *basic(username, password)]


def shown_in(text: str, *secrets: str) -> list[str]:
    """Which of ``secrets``, in which writing, stands in ``text``."""
    found = [
        f"{name} of {secret!r}"
        for secret in secrets
        for name, encode in ENCODERS.items()
        if encode(secret) in text
    ]
    for username in secrets:
        for password in secrets:
            found += [
                f"base64 of {username!r} and {password!r}"
                for word in basic(username, password)
                if word.rstrip("=") in text
            ]
    return found
