"""The HTTP interface of a port for metrics alone."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from vision.web.access import SecureHeaders, TokenGuard, TokenSource, open_access, trusted_hosts


def create_metrics_app(
    metrics: Callable[[], tuple[bytes, str]], *, host: str, token: TokenSource = open_access
) -> Starlette:
    """Serve ``/metrics`` and ``/livez``.

    Args:
        metrics: The metrics page and its content type; called from several threads.
        host: Address the server listens on.
        token: What a request for metrics must carry; open access by default.
    """

    async def livez(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    def page(_request: Request) -> Response:
        body, content_type = metrics()
        return Response(body, headers={"content-type": content_type})

    middleware = [
        Middleware(SecureHeaders),
        Middleware(TrustedHostMiddleware, allowed_hosts=trusted_hosts(host), www_redirect=False),
        Middleware(TokenGuard, token=token, secret_name="metrics_token"),  # noqa: S106  the name of a file
    ]
    return Starlette(
        routes=[Route("/livez", livez), Route("/metrics", page)], middleware=middleware
    )
