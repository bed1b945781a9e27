"""One life cycle for all roles: what is prepared, started, watched and ended, and in which order."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from functools import partial

from vision.config.camera import CameraSettings
from vision.config.secrets import redis_password
from vision.config.settings import Settings
from vision.redis.client import address_of
from vision.resilience.troubles import Troubles
from vision.runtime.components.certificates import CertificateWatch, TlsPeer
from vision.runtime.components.metrics import MetricsServer
from vision.runtime.components.threads import RoleThreads
from vision.runtime.health.liveness import Liveness
from vision.runtime.health.role_liveness import liveness_file, watch
from vision.runtime.processes.secret_files import secret_files
from vision.telemetry.metrics import NodeMetrics

DRAIN_S = 5.0
"""Long enough for a full outbox over a slow line, short enough for an impatient init system."""


class Service(ABC):
    """A role: the constructor prepares it, :meth:`run` starts, watches and ends it.

    A role says what is its own: its threads and how they end, its metrics, its liveness.
    Everything that a person may have got wrong is found by the constructor.

    Attributes:
        settings: All settings.
        secrets: Its secret files.
        troubles: What it cannot do at the moment.
    """

    def __init__(
        self,
        settings: Settings,
        role: str,
        *,
        log_prefix: str | None = None,
        log_fields: Mapping[str, object] | None = None,
        cameras: Mapping[str, CameraSettings] | None = None,
    ) -> None:
        """Read the secret files and make the folder of the liveness file.

        Args:
            settings: All settings.
            role: Its name in the liveness file, as ``vision healthcheck`` shows it.
            log_prefix: Of ``PREFIX.started``, ``.stopping`` and ``.stopped``; None takes ``role``.
            log_fields: What stands in all three of these lines.
            cameras: Those that it logs in to, by name.

        Raises:
            ConfigError: A secret file or the folder is not in order.
        """
        self.settings = settings
        self.role = role
        self.secrets = secret_files(settings.secrets_dir)
        for name, camera in (cameras or {}).items():
            self.secrets.camera(name, camera)
        self.redis_password = partial(redis_password, settings, self.secrets)
        self.redis_password()
        self.troubles = Troubles()
        self._liveness = liveness_file(settings, role)
        self._log = logging.getLogger(type(self).__module__)
        self._log_prefix = log_prefix or role
        self._log_fields = log_fields or {}

    def expose(self, metrics: NodeMetrics, peers: Iterable[TlsPeer] = ()) -> None:
        """Bind the port of ``metrics``, to be called once by the constructor of each role.

        When the certificates of ``peers`` end is among them.

        Raises:
            ConfigError: The port cannot be had.
        """
        self._metrics_server = MetricsServer(self.settings, self.secrets, metrics)
        self._certificates = CertificateWatch(peers, metrics)

    @property
    def redis_address(self) -> str:
        """Where Redis is, without anything secret."""
        return address_of(self.settings.redis)

    @property
    def metrics_url(self) -> str | None:
        """Where Prometheus finds its metrics, None when there is no such port."""
        return self._metrics_server.url

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, then finish what is under way and return.

        Raises:
            VisionError: A thread failed that the role cannot go on without.
        """
        threads = RoleThreads(stop)
        self._start(threads)
        self._metrics_server.start(threads)
        self._certificates.start(threads)
        self._start_cameras()
        self._report("started", {**self._start_fields(), "metrics": self.metrics_url})
        watch(stop, self._check, self._liveness, self._read_liveness)
        self._report("stopping", {})
        self._stop(threads)
        self._metrics_server.stop()
        self._close()
        if self._liveness:
            self._liveness.remove()
        self._report("stopped", self._stop_fields())
        threads.raise_failure()

    @abstractmethod
    def _start(self, threads: RoleThreads) -> None:
        """Start its threads."""

    def _start_cameras(self) -> None:  # noqa: B027  few roles have cameras
        """Start what comes last, once metrics can be read."""

    @abstractmethod
    def _start_fields(self) -> Mapping[str, object]:
        """What the line of the start says, without anything secret."""

    def _check(self) -> None:  # noqa: B027  some roles have nothing to check
        """Called twice a second while the role is at work, but not after the process stood still."""

    @abstractmethod
    def _read_liveness(self) -> Liveness:
        """What it says of itself, about once a second."""

    @abstractmethod
    def _stop(self, threads: RoleThreads) -> None:
        """End its threads in the right order and wait for them."""

    def _close(self) -> None:  # noqa: B027  few roles hold something that outlives their threads
        """Free what is left, once metrics are no longer read."""

    def _stop_fields(self) -> Mapping[str, object]:
        """What the last line says of the time at work."""
        return {}

    def _report(self, step: str, fields: Mapping[str, object]) -> None:
        pairs = [f"{key}={value}" for key, value in {**self._log_fields, **fields}.items()]
        self._log.info("%s", " ".join([f"{self._log_prefix}.{step}", *pairs]))
