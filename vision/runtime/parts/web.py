"""The live page, health and metrics of a role."""

from __future__ import annotations

from collections.abc import Callable

from vision.config.secrets import WEB_TOKEN, SecretFiles
from vision.config.settings import Settings
from vision.domain.errors import ConfigError
from vision.runtime.parts.event_feed import event_pages
from vision.runtime.parts.snapshots import snapshot_store
from vision.telemetry.camera_view import CameraView
from vision.telemetry.metrics import NodeMetrics
from vision.web.access import is_loopback
from vision.web.app import create_app
from vision.web.feed import LiveFeed
from vision.web.health import Health
from vision.web.server import WebServer


def web_server(
    settings: Settings,
    secrets: SecretFiles,
    feed: LiveFeed,
    *,
    cameras: Callable[[], list[CameraView]],
    health: Callable[[], Health],
    metrics: NodeMetrics,
) -> WebServer | None:
    """A server that listens already, None when the settings want none.

    Raises:
        ConfigError: Its address cannot be listened on, or is open to the network without a
            token.
    """
    web = settings.web
    if not web.enabled:
        return None
    secret = secrets.read(WEB_TOKEN)
    token = secret.get_secret_value() if secret else None
    if token is None and not is_loopback(web.host):
        raise ConfigError(
            f"web.host: {web.host} is open to the network: put a token into the secret file "
            f"{WEB_TOKEN}, or use 127.0.0.1"
        )
    app = create_app(
        feed,
        cameras,
        health,
        metrics.exposition,
        host=web.host,
        token=token,
        events=event_pages(settings, snapshot_store(settings)),
    )
    return WebServer(app, web.host, web.port, on_stop=feed.close, is_behind_proxy=web.behind_proxy)
