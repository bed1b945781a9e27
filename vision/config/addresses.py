"""Addresses of servers that are asked over HTTP."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_http_url(url: str) -> bool:
    """Whether it is a well-formed address of ``http`` or ``https`` with a host."""
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
        (parts.hostname or "").encode("ascii")
    except ValueError:
        return False
    is_text = url.isascii() and url.isprintable() and " " not in url
    return (
        port_is_valid
        and is_text
        and parts.scheme in ("http", "https")
        and parts.hostname is not None
    )
