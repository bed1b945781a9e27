"""A port for metrics alone: for Prometheus, which need not be able to see pictures."""

from __future__ import annotations

import threading

from vision.config.secrets import METRICS_TOKEN, SecretFiles
from vision.config.settings import Settings
from vision.config.token import TokenFile
from vision.domain.errors import ConfigError
from vision.runtime.components.descriptors import most_connections
from vision.runtime.components.threads import RoleThreads
from vision.telemetry.metrics import NodeMetrics
from vision.web.access import is_loopback
from vision.web.metrics_app import create_metrics_app
from vision.web.server import WebServer


class MetricsServer:
    """Listens from the start on if ``metrics.host`` is set, and answers between start and stop."""

    def __init__(self, settings: Settings, secrets: SecretFiles, metrics: NodeMetrics) -> None:
        """Bind the port.

        Raises:
            ConfigError: The address cannot be listened on, or is open to the network without a
                token.
        """
        self._server: WebServer | None = None
        self._thread: threading.Thread | None = None
        host = settings.metrics.host
        if host is None:
            return
        token = TokenFile(secrets, METRICS_TOKEN)
        if token() is None and not is_loopback(host):
            raise ConfigError(
                f"metrics.host: {host} is open to the network: put a token into the secret file "
                f"{METRICS_TOKEN}, or use 127.0.0.1"
            )
        app = create_metrics_app(metrics.exposition, host=host, token=token)
        self._server = WebServer(
            app, host, settings.metrics.port, most_connections=most_connections(settings)
        )

    @property
    def url(self) -> str | None:
        """Where Prometheus finds them, None when there is no such port."""
        return f"{self._server.url}metrics" if self._server else None

    def start(self, threads: RoleThreads) -> None:
        """Answer from now on."""
        if self._server is not None:
            self._thread = threads.start("metrics", self._server.run)

    def stop(self) -> None:
        """Answer no more."""
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join()
