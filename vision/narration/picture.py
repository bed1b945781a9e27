"""A snapshot in the form in which a provider takes one."""

from __future__ import annotations

import base64

MOST_BYTES = 1024 * 1024
"""Of a picture: more would take its time on the way."""

_JPEG_START = b"\xff\xd8"


def picture_url(jpeg: bytes | None) -> str | None:
    """A ``data:`` URL; None for what is no JPEG, or too large a one."""
    if jpeg is None or len(jpeg) > MOST_BYTES or not jpeg.startswith(_JPEG_START):
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
