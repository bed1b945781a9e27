"""Redaction by registered value: what was read from a secret file is shown nowhere.

Patterns guess what a credential looks like and miss the next camera's URL. Here every
value that was handed out is known, with each form it takes on the way to a sink.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"


def _forms(value: str) -> set[str]:
    """The spellings of ``value`` in URLs, JSON, Python's repr and RFC 7617 headers."""
    escaped = {
        quote(value, safe=""),
        quote(value, safe="/"),
        quote(value, safe="!$&'()*+,;=:@/"),
        quote_plus(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        base64.b64encode(value.encode()).decode(),
    }
    lower_hex = {re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), text) for text in escaped}
    return {value} | escaped | lower_hex


class Redactor:
    """Knows the secrets of this process and takes them out of any text. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def register(self, *values: str) -> None:
        """Learn secrets; several together are a user name and its password.

        A value stays known for ever: after a rotation the old one is still in buffers.
        """
        found = set[str]()
        for value in values:
            found |= _forms(value)
        if len(values) > 1:
            pair = ":".join(values)
            found |= _forms(pair)
        with self._lock:
            if found <= self._forms:
                return
            self._forms |= found
            # Longest first, or a short secret would break a long one open.
            ordered = sorted(self._forms - {""}, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, ordered)))

    def redact(self, text: str) -> str:
        """``text`` without any registered secret."""
        pattern = self._pattern
        return text if pattern is None else pattern.sub(REDACTED, text)


process_redactor = Redactor()
"""The one of this process: secrets register here when they are read, sinks ask here."""
