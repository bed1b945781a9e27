"""The live page, health and metrics of a role."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from vision.config.secrets import WEB_TOKEN, SecretFiles
from vision.config.settings import Settings
from vision.config.token import TokenFile
from vision.domain.errors import ConfigError
from vision.events.service import snapshot_store
from vision.runtime.components.descriptors import most_connections
from vision.runtime.components.event_feed import event_pages
from vision.telemetry.camera_view import CameraView
from vision.telemetry.metrics import NodeMetrics
from vision.web.access import is_loopback
from vision.web.app import create_app
from vision.web.documents import Health
from vision.web.feed import LiveFeed
from vision.web.server import WebServer


def web_server(
    settings: Settings,
    secrets: SecretFiles,
    feed: LiveFeed,
    *,
    cameras: Callable[[], list[CameraView]],
    health: Callable[[], Health],
    metrics: NodeMetrics,
    current: Callable[[], Settings] | None = None,
    warnings: Callable[[], Iterable[str]] = tuple,
) -> WebServer | None:
    """A server that listens already, None when the settings want none.

    ``current`` gives the settings as they are by now; without, they never change.
    ``warnings`` are shown beside the reasons of ``health`` and change nothing about it.

    Raises:
        ConfigError: Its address cannot be listened on, or is open to the network without a
            token.
    """
    web = settings.web
    if not web.enabled:
        return None
    token = TokenFile(secrets, WEB_TOKEN)
    if token() is None and not is_loopback(web.host):
        raise ConfigError(
            f"web.host: {web.host} is open to the network: put a token into the secret file "
            f"{WEB_TOKEN}, or use 127.0.0.1"
        )
    app = create_app(
        feed,
        cameras,
        lambda: _with_warnings(health(), [*secrets.outdated.values(), *warnings()]),
        metrics.exposition,
        host=web.host,
        token=token,
        events=event_pages(current or (lambda: settings), snapshot_store(settings)),
    )
    return WebServer(
        app,
        web.host,
        web.port,
        on_stop=feed.close,
        is_behind_proxy=web.behind_proxy,
        most_connections=most_connections(settings),
    )


def _with_warnings(health: Health, warnings: Iterable[str]) -> Health:
    """The same, with what does not keep it from its work added to the reasons."""
    return replace(health, reasons=(*health.reasons, *warnings))
