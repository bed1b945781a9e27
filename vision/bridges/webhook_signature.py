"""Signatures of webhooks, after standardwebhooks.com: whoever has the key knows who sent it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from vision.domain.errors import ConfigError

_PREFIX = "whsec_"
_LEAST_BYTES = 16


def signing_key(text: str, file: str) -> bytes:
    """The bytes of a key: base64 after ``whsec_``, else the text itself.

    Raises:
        ConfigError: It is none; ``file`` is named, nothing of what is in it.
    """
    try:
        key = (
            base64.b64decode(text.removeprefix(_PREFIX), validate=True)
            if text.startswith(_PREFIX)
            else text.encode()
        )
    except (binascii.Error, ValueError):
        raise ConfigError(
            f"secret file {file}: is no base64 after {_PREFIX}: make a new one"
        ) from None
    if len(key) < _LEAST_BYTES:
        raise ConfigError(
            f"secret file {file}: the key has fewer than {_LEAST_BYTES} bytes: make a new one"
        )
    return key


def signed_headers(key: bytes, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``."""
    content = b".".join((message_id.encode(), str(timestamp_s).encode(), body))
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
