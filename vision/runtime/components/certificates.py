"""When the certificates of TLS servers end: asked for now and then, by a connection of its own.

FFmpeg and the Redis client keep what they saw to themselves. The handshake is all that happens on
this connection; no credential travels.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from vision.config.camera import CameraSettings
from vision.config.core import RedisSettings
from vision.runtime.components.threads import RoleThreads
from vision.telemetry.metrics import NodeMetrics

_log = logging.getLogger(__name__)
_EVERY_S = 6 * 3600.0
# The cameras come first.
_AT_FIRST_S = 15.0
_TIMEOUT_S = 5.0
_RTSPS_PORT, _REDISS_PORT = 322, 6379


@dataclass(frozen=True, slots=True)
class TlsPeer:
    """A server whose certificate is checked.

    Attributes:
        name: ``redis``, or ``camera:`` and its name.
        host: Its address.
        port: Its port.
        server_name: The name in the certificate.
        ca_file: Certificate authority in PEM form, None for the system's.
    """

    name: str
    host: str
    port: int
    server_name: str
    ca_file: Path | None


def tls_peers(redis: RedisSettings, cameras: Mapping[str, CameraSettings]) -> Iterator[TlsPeer]:
    """The TLS servers whose certificate is checked: of any other nothing can be read off it."""
    for name, camera in cameras.items():
        parts = urlsplit(camera.url)
        if parts.scheme == "rtsps" and camera.tls.verify and parts.hostname:
            yield TlsPeer(
                f"camera:{name}",
                parts.hostname,
                parts.port or _RTSPS_PORT,
                camera.tls.server_name or parts.hostname,
                camera.tls.ca_file,
            )
    parts = urlsplit(redis.url)
    # Which server is talked to behind Sentinels or in a cluster is not in the settings.
    is_one = parts.scheme == "rediss" and not redis.fails_over
    if is_one and redis.tls.verify and parts.hostname:
        yield TlsPeer(
            "redis",
            parts.hostname,
            parts.port or _REDISS_PORT,
            parts.hostname,
            redis.tls.ca_file,
        )


def certificate_end_s(peer: TlsPeer) -> float:
    """When the certificate that ``peer`` shows ends, seconds since 1970.

    Raises:
        OSError: It does not answer, or what it shows is not believed.
    """
    context = ssl.create_default_context()
    if peer.ca_file is not None:
        context.load_verify_locations(peer.ca_file)
    with (
        socket.create_connection((peer.host, peer.port), _TIMEOUT_S) as plain,
        context.wrap_socket(plain, server_hostname=peer.server_name) as secured,
    ):
        certificate = secured.getpeercert() or {}
    return float(ssl.cert_time_to_seconds(str(certificate["notAfter"])))


class CertificateWatch:
    """Looks at the start and every six hours, in a thread of its own if there is anything."""

    def __init__(
        self,
        peers: Iterable[TlsPeer],
        metrics: NodeMetrics,
        end_s: Callable[[TlsPeer], float] = certificate_end_s,
    ) -> None:
        self._peers = tuple(peers)
        self._metrics = metrics
        self._end_s = end_s

    def start(self, threads: RoleThreads) -> None:
        """Look until the role is told to stop."""
        if self._peers:
            threads.start("certificates", self._run, threads.stop)

    def check(self) -> None:
        """Read them all; what was known of one that does not answer goes on to hold."""
        for peer in self._peers:
            try:
                end_s = self._end_s(peer)
            except (OSError, ValueError, KeyError) as error:
                # That it is away is told by whoever needs it.
                _log.debug("certificate.unread peer=%s reason=%s", peer.name, error)
            else:
                self._metrics.certificate.labels(peer.name).set(end_s)

    def _run(self, stop: threading.Event) -> None:
        wait_s = _AT_FIRST_S
        while not stop.wait(wait_s):
            wait_s = _EVERY_S
            self.check()
