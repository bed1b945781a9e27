"""What is answered while there is room for nothing but probes."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from vision.web.access import SECURITY_HEADERS
from vision.web.probes import PROBES


class Overload:
    """Answers 503 to whatever is no probe while ``is_full`` says so."""

    def __init__(self, app: ASGIApp, is_full: Callable[[], bool]) -> None:
        self._app = app
        self._is_full = is_full

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["path"] in PROBES or not self._is_full():
            await self._app(scope, receive, send)
            return
        refusal = PlainTextResponse(
            "All connections are in use: ask again in a few seconds.\n",
            503,
            headers={**SECURITY_HEADERS, "retry-after": "5", "connection": "close"},
        )
        await refusal(scope, receive, send)
