"""Posts one message to one address; never twice by itself."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpcore

import vision
from vision.bridges.errors import BridgeError, BridgeFailure
from vision.bridges.failure import failure_of
from vision.config.bridges import TOKEN_PLACE, WebhookTarget
from vision.domain.errors import ConfigError
from vision.domain.secret import Secret

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


_RETRY_AFTER_CAP_S = 3600.0


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """What a target needs to be known by, as it is now."""

    key: Secret
    token: Secret | None


@dataclass(frozen=True, slots=True)
class WebhookReply:
    """A status of HTTP, and after how many seconds to come again if it says so."""

    status: int
    retry_after_s: float | None = None


class WebhookSender:
    """One target; used by one thread, in which it keeps an event loop."""

    def __init__(
        self,
        target: WebhookTarget,
        secrets: Callable[[], WebhookSecrets],
        utc_s: Callable[[], float] = time.time,
    ) -> None:
        """``secrets`` is asked at each attempt, so that a rotation needs no restart.

        Raises:
            ConfigError: The certificate authority cannot be used.
        """
        self._target = target
        self._secrets = secrets
        self._utc_s = utc_s
        self._tls = _tls_context(target)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.close()

    def post(self, message_id: str, body: bytes) -> WebhookReply:
        """The answer to one attempt, whatever its status; redirects are not followed.

        Raises:
            BridgeError: There was none within the target's time, or a secret is not in order.
        """
        try:
            secrets = self._secrets()
            key = signing_key(secrets.key.get_secret_value(), f"webhook_{self._target.name}_key")
        except ConfigError as error:
            raise BridgeError(BridgeFailure.LOCAL, str(error)) from None
        headers = {
            "content-type": "application/json",
            "user-agent": f"ariia-vision/{vision.__version__}",
            "connection": "close",
            **signed_headers(key, message_id, int(self._utc_s()), body),
        }
        url = self._target.url
        if secrets.token is not None:
            token = secrets.token.get_secret_value()
            if TOKEN_PLACE in url:
                url = url.replace(TOKEN_PLACE, quote(token, safe="/"))
            else:
                headers["authorization"] = f"Bearer {token}"
        return self._runner.run(self._ask(url, headers, body))

    async def _ask(self, url: str, headers: dict[str, str], body: bytes) -> WebhookReply:
        encoded = _encoded(headers)
        try:
            # Over all of it: a server that gives a byte now and then does not hold us.
            async with (
                asyncio.timeout(self._target.timeout_s),
                httpcore.AsyncConnectionPool(ssl_context=self._tls, http2=False) as pool,
                pool.stream("POST", url, headers=encoded, content=body) as response,
            ):
                return WebhookReply(response.status, self._retry_after_s(response.headers))
        except TimeoutError:
            raise BridgeError(BridgeFailure.TIMEOUT, "no answer in time") from None
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol):
            raise BridgeError(
                BridgeFailure.PROTOCOL,
                "what answers there speaks no HTTP, or stopped in mid-answer",
            ) from None
        except (httpcore.ReadError, httpcore.WriteError):
            raise BridgeError(BridgeFailure.REFUSED, "the line was cut") from None
        except (httpcore.NetworkError, OSError) as error:
            raise failure_of(error) from None

    def _retry_after_s(self, headers: list[tuple[bytes, bytes]]) -> float | None:
        """Seconds, or a date (RFC 9110, section 10.2.3); None for anything else."""
        text = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
        try:
            words = text.decode("ascii").strip()
            delay_s = (
                float(words)
                if words.isdigit()
                else parsedate_to_datetime(words).timestamp() - self._utc_s()
            )
        except (ValueError, TypeError, OverflowError):
            return None
        return min(max(delay_s, 0.0), _RETRY_AFTER_CAP_S)


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise BridgeError(BridgeFailure.LOCAL, "the token has characters that no header may have")
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _tls_context(target: WebhookTarget) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if target.ca_file is not None:
        try:
            context.load_verify_locations(target.ca_file)
        except (OSError, ssl.SSLError):
            raise ConfigError(
                f"bridge.webhook: ca_file of {target.name}: {target.ca_file} is no certificate "
                "authority in PEM form that can be read"
            ) from None
    return context
