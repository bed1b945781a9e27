"""Server-Sent Events of the live page (HTML Living Standard, section 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from vision.web.documents import Overview
from vision.web.feed import LiveFeed, Viewer

_OVERVIEW_S = 1.0
# Wait of a browser before it asks again; the opening comment gets the headers out at once.
_OPENING = b": live\nretry: 2000\n\n"
# A comment. The system of a client that reads nothing takes a hundred kilobytes for it, which are
# minutes of a quiet camera's events: with this, it has taken them after seconds, and the
# connection shows that nobody reads.
_FILLER = b":" + b" " * 16_384 + b"\n\n"


class EventStream(StreamingResponse):
    """``detections``, ``event`` and ``status`` messages, a ``cameras`` overview each second.

    The overview doubles as the heartbeat: a page that gets none knows that the node is gone.
    """

    media_type = "text/event-stream"

    def __init__(
        self, feed: LiveFeed, overview: Overview, client: str, is_crowded: Callable[[], bool]
    ) -> None:
        """For a viewer of ``client``; while ``is_crowded``, what nobody reads is found out soon."""
        super().__init__(_nothing(), headers={"x-accel-buffering": "no"})
        self._feed = feed
        self._overview = overview
        self._client = client
        self._is_crowded = is_crowded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the client leaves or the feed is closed."""
        # A generator that is given up half-way ends whenever it is collected; this ends now.
        with self._feed.watch(self._client) as viewer:
            self.body_iterator = self._chunks(viewer)
            await super().__call__(scope, receive, send)

    async def _chunks(self, viewer: Viewer) -> AsyncIterator[bytes]:
        now_s = asyncio.get_running_loop().time
        yield _OPENING
        overview_at_s = now_s()
        while not viewer.closed:
            chunk = b"".join(_event(news.kind, news.payload) for news in viewer.take())
            if now_s() >= overview_at_s:
                chunk += _event("cameras", await run_in_threadpool(self._overview.json))
                overview_at_s = now_s() + _OVERVIEW_S
                if self._is_crowded():
                    chunk += _FILLER
            if chunk:
                # Returns when the client's buffer has room; meanwhile the feed goes on.
                yield chunk
            await viewer.wait(overview_at_s)


def _event(kind: str, line: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), line)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
