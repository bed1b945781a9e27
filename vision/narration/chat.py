"""One question to one provider over the OpenAI-compatible API."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore
import orjson

import vision
from vision.config.narration import ProviderSettings
from vision.domain.narration import AttemptOutcome
from vision.narration.answer import AttemptFailedError
from vision.narration.network import LookupFailedError

MOST_BYTES = 256 * 1024
"""Of an answer: two sentences and what providers put around them have a hundredth of that."""

_LONGEST_REST_S = 600.0
_OK = 200
_SERVER_BUSY = 503
_STATUSES = {
    401: AttemptOutcome.UNAUTHORIZED,
    403: AttemptOutcome.UNAUTHORIZED,
    408: AttemptOutcome.TIMEOUT,
    429: AttemptOutcome.RATE_LIMITED,
}
_BY_HUNDRED = {
    3: AttemptOutcome.REDIRECTED,
    4: AttemptOutcome.REFUSED,
    5: AttemptOutcome.SERVER_ERROR,
}


class ChatClient:
    """Asks one provider; used within one event loop.

    Nothing is retried and no redirect is followed: the key goes to the configured address
    only. How long it may take is the caller's to say, by cancelling.
    """

    def __init__(
        self,
        provider: ProviderSettings,
        pool: httpcore.AsyncConnectionPool,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._provider = provider
        self._pool = pool
        self._wall_s = wall_s

    async def ask(self, messages: list[dict[str, Any]], max_tokens: int, key: str | None) -> bytes:
        """The body of the answer to a chat.

        Raises:
            AttemptFailedError: There is none.
        """
        question = {
            "model": self._provider.model,
            "messages": messages,
            self._provider.max_tokens_key: max_tokens,
            "stream": False,
        }
        return await self._exchange("POST", "/chat/completions", key, orjson.dumps(question))

    async def models(self, key: str | None) -> bytes:
        """The body of the answer to which models there are; costs nothing."""
        return await self._exchange("GET", "/models", key, None)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def _exchange(
        self, method: str, path: str, key: str | None, content: bytes | None
    ) -> bytes:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"ariia-vision/{vision.__version__}",
        }
        if content is not None:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        try:
            async with self._pool.stream(
                method,
                f"{self._provider.url}{path}",
                headers=list(headers.items()),
                content=content,
            ) as response:
                self._look_at(response)
                return await _read(response)
        except AttemptFailedError:
            raise
        except Exception as error:  # noqa: BLE001  what answers there decides what the library runs into
            outcome = _outcome_of(error)
        # Outside the handler: the library's error may hold what was sent.
        raise AttemptFailedError(outcome)

    def _look_at(self, response: httpcore.Response) -> None:
        status = response.status
        if status == _OK:
            return
        outcome = _STATUSES.get(status) or _BY_HUNDRED.get(status // 100, AttemptOutcome.MALFORMED)
        rest_s = None
        if outcome is AttemptOutcome.RATE_LIMITED or status == _SERVER_BUSY:
            rest_s = _retry_after_s(response, self._wall_s())
        raise AttemptFailedError(outcome, rest_s)


async def _read(response: httpcore.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_stream():
        body += part
        if len(body) > MOST_BYTES:
            raise AttemptFailedError(AttemptOutcome.TOO_LARGE)
    return bytes(body)


def _retry_after_s(response: httpcore.Response, now_s: float) -> float | None:
    """The seconds of ``Retry-After``, which are a number or a date; bounded."""
    value = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"")
    text = value.decode("latin-1").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:9]), _LONGEST_REST_S)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    left_s = (until - datetime.fromtimestamp(now_s, UTC)).total_seconds()
    return min(max(left_s, 0.0), _LONGEST_REST_S)


def _outcome_of(error: Exception) -> AttemptOutcome:
    if isinstance(error, LookupFailedError):
        return AttemptOutcome.DNS
    if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
        cause = error.__cause__ or error.__context__
        is_tls = isinstance(cause, ssl.SSLError) or "SSL" in type(cause).__name__
        return AttemptOutcome.TLS if is_tls else AttemptOutcome.UNREACHABLE
    if isinstance(error, httpcore.TimeoutException):
        return AttemptOutcome.TIMEOUT
    if isinstance(error, httpcore.RemoteProtocolError):
        # A body that ends too soon is told as the protocol's error as well.
        text = str(error)
        was_cut = "without sending" in text or "before" in text or "incomplete" in text
        return AttemptOutcome.DROPPED if was_cut else AttemptOutcome.MALFORMED
    if isinstance(error, httpcore.NetworkError | OSError):
        return AttemptOutcome.DROPPED
    return AttemptOutcome.MALFORMED
