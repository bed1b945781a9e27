"""The HTTP interface: live page, health, metrics, pictures and events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from vision.web.access import (
    SECURITY_HEADERS,
    SecureHeaders,
    TokenGuard,
    TokenSource,
    open_access,
    trusted_hosts,
)
from vision.web.clients import prefix_of
from vision.web.documents import (
    CamerasSource,
    HealthSource,
    Overview,
    cameras_json,
    readiness_json,
)
from vision.web.event_routes import EventPages
from vision.web.events import EventStream
from vision.web.feed import LiveFeed, LiveFrame
from vision.web.live_frames import LiveFrameEncoder, NotAnImageError

MetricsSource = Callable[[], tuple[bytes, str]]

_PAGE = Path(__file__).parent / "page"
_JSON = "application/json"
_MAX_VIEWERS = 100
# From here on viewers have to show that they read.
_CROWD = 50
_SNAPSHOT_MAX_AGE_S = 1.0
_SNAPSHOT_WAIT_S = 5.0


def create_app(
    feed: LiveFeed,
    cameras: CamerasSource,
    health: HealthSource,
    metrics: MetricsSource,
    *,
    host: str = "127.0.0.1",
    token: TokenSource = open_access,
    encoder: LiveFrameEncoder | None = None,
    events: EventPages | None = None,
) -> Starlette:
    """Build the application.

    Args:
        feed: Where inferred frames and messages come in.
        cameras: The cameras now, in the order to show them; called from several threads.
        health: The node now; called from several threads.
        metrics: The metrics page and its content type; called from several threads.
        host: Address the server listens on; on a loopback one, requests must name one.
        token: What every request but ``/livez`` must carry; open access by default.
        encoder: What encodes all pictures; a new one by default.
        events: Zones and pictures of events; none by default.
    """
    routes = _Routes(feed, cameras, health, metrics, encoder or LiveFrameEncoder())
    middleware = [
        Middleware(SecureHeaders),
        Middleware(TrustedHostMiddleware, allowed_hosts=trusted_hosts(host), www_redirect=False),
        Middleware(TokenGuard, token=token),
    ]
    return Starlette(
        routes=[
            Route("/", routes.page),
            Route("/livez", routes.livez),
            Route("/readyz", routes.readyz),
            Route("/metrics", routes.metrics),
            Route("/api/cameras", routes.cameras),
            Route("/api/cameras/{name}/frames/{frame_id}.jpg", routes.frame),
            Route("/api/cameras/{name}/snapshot.jpg", routes.snapshot),
            Route("/api/events", routes.events),
            *(events or EventPages()).routes(),
            Mount("/static", StaticFiles(directory=_PAGE)),
        ],
        middleware=middleware,
        # The outermost handler answers outside the middleware.
        exception_handlers={Exception: _internal_error},
    )


class _Routes:
    """The handlers; those that are no coroutines run in Starlette's thread pool."""

    def __init__(
        self,
        feed: LiveFeed,
        cameras: CamerasSource,
        health: HealthSource,
        metrics: MetricsSource,
        encoder: LiveFrameEncoder,
    ) -> None:
        self._feed = feed
        self._cameras = cameras
        self._health = health
        self._metrics = metrics
        self._overview = Overview(cameras, health)
        self._encoder = encoder

    async def page(self, _request: Request) -> Response:
        return FileResponse(_PAGE / "index.html")

    async def livez(self, _request: Request) -> Response:
        return PlainTextResponse("ok\n")

    def readyz(self, _request: Request) -> Response:
        health = self._health()
        document = readiness_json(health, self._cameras())
        return Response(document, 200 if health.ready else 503, media_type=_JSON)

    def metrics(self, _request: Request) -> Response:
        body, content_type = self._metrics()
        return Response(body, headers={"content-type": content_type})

    def cameras(self, _request: Request) -> Response:
        return Response(cameras_json(self._cameras()), media_type=_JSON)

    async def frame(self, request: Request) -> Response:
        params = request.path_params
        picture = self._feed.picture(params["name"], params["frame_id"])
        if picture is None:
            raise HTTPException(404, "This frame is not kept, or no longer.\n")
        return _jpeg_response(picture, await self._encoder.jpeg(picture))

    async def snapshot(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in {view.name for view in await run_in_threadpool(self._cameras)}:
            raise HTTPException(404, "There is no such camera.\n")
        picture = await self._fresh_picture(name, self._place_for(request))
        if picture is None:
            raise HTTPException(
                503, f"No frame was inferred within {_SNAPSHOT_WAIT_S:.0f} seconds.\n"
            )
        if request.query_params.get("boxes") != "1":
            return _jpeg_response(picture, await self._encoder.jpeg(picture))
        try:
            return _jpeg_response(picture, await self._encoder.jpeg_with_boxes(picture))
        except NotAnImageError as error:
            raise HTTPException(503, "The newest picture cannot be decoded.\n") from error

    async def events(self, request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type=EventStream.media_type)
        client = self._place_for(request)
        return EventStream(self._feed, self._overview, client, self._is_crowded)

    async def _fresh_picture(self, name: str, client: str) -> LiveFrame | None:
        until = asyncio.get_running_loop().time() + _SNAPSHOT_WAIT_S
        with self._feed.watch(client) as viewer:
            while not viewer.closed:
                picture = self._feed.newest(name, _SNAPSHOT_MAX_AGE_S)
                if picture is not None or not await viewer.wait(until):
                    return picture
                viewer.take()
        return None

    def _place_for(self, request: Request) -> str:
        """Who asks, once there is a place for one more viewer of theirs."""
        client = prefix_of(request.client.host) if request.client else ""
        if not self._feed.make_room(client, _MAX_VIEWERS):
            raise HTTPException(503, f"{_MAX_VIEWERS} viewers are watching already.\n")
        return client

    def _is_crowded(self) -> bool:
        return self._feed.viewers > _CROWD


def _jpeg_response(picture: LiveFrame, jpeg: bytes) -> Response:
    headers = {"vision-frame": f"{picture.camera}:{picture.frame_id}"}
    return Response(jpeg, headers=headers, media_type="image/jpeg")


async def _internal_error(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("Internal Server Error\n", 500, headers=SECURITY_HEADERS)
