"""How often a client may ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from vision.web.access import SECURITY_HEADERS
from vision.web.clients import Client, prefix_of
from vision.web.probes import PROBES

# Whoever asks too often waits this long for the refusal: most programs ask again only then.
_REFUSAL_DELAY_S = 0.5
# Two seconds' worth at once: a page loads its files and pictures in bursts.
_BURST_S = 2.0
_PROBES_PER_S = 10.0
# What all addresses of an IPv6 prefix may ask together, in terms of what one may.
_ADDRESSES_PER_PREFIX = 4.0
_MOST_CLIENTS = 4096
_REFUSAL = b"Too many requests: ask again in a second.\n"
_REFUSAL_HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"%d" % len(_REFUSAL)),
    (b"retry-after", b"1"),
    *((name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()),
]


class TokenBuckets:
    """A token bucket for each client: so many requests a second, and a few at once."""

    def __init__(self, per_s: float, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = max(1.0, per_s * _BURST_S)
        self._monotonic_s = monotonic_s
        # What is left, and when that was worked out.
        self._left: dict[str, tuple[float, float]] = {}

    def spend(self, client: str) -> bool:
        """Whether the client may ask once more now."""
        now_s = self._monotonic_s()
        left, at_s = self._left.pop(client, (self._burst, now_s))
        left = min(self._burst, left + (now_s - at_s) * self._per_s)
        may = left >= 1
        # The one that asked last stands last: the others are forgotten first.
        self._left[client] = (left - may, now_s)
        if len(self._left) > _MOST_CLIENTS:
            del self._left[next(iter(self._left))]
        return may


class _TokenBucket:
    """What an address may ask, and what all addresses of its prefix may ask together."""

    def __init__(self, per_s: float, monotonic_s: Callable[[], float]) -> None:
        self._of_address = TokenBuckets(per_s, monotonic_s)
        self._of_prefix = TokenBuckets(per_s * _ADDRESSES_PER_PREFIX, monotonic_s)

    def admits(self, host: str) -> bool:
        if not self._of_address.spend(host):
            return False
        prefix = prefix_of(host)
        return prefix == host or self._of_prefix.spend(prefix)


class RateLimit:
    """Answers 429 to a client that asks too often.

    The probes of an orchestrator have an allowance of their own: pages take nothing from it.
    """

    def __init__(
        self,
        app: ASGIApp,
        per_s: float,
        on_refused: Callable[[Client], None],
        monotonic_s: Callable[[], float] = time.monotonic,
        refusal_delay_s: float = _REFUSAL_DELAY_S,
    ) -> None:
        """``on_refused`` is told of each request that will be answered with 429."""
        self._app = app
        self._pages = _TokenBucket(per_s, monotonic_s)
        self._probes = _TokenBucket(_PROBES_PER_S, monotonic_s)
        self._on_refused = on_refused
        self._refusal_delay_s = refusal_delay_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        client: Client = scope.get("client") or ("", 0)
        allowance = self._probes if scope["path"] in PROBES else self._pages
        if allowance.admits(client[0]):
            await self._app(scope, receive, send)
            return
        self._on_refused(client)
        await asyncio.sleep(self._refusal_delay_s)
        await send({"type": "http.response.start", "status": 429, "headers": _REFUSAL_HEADERS})
        await send({"type": "http.response.body", "body": _REFUSAL})
