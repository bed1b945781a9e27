"""One life cycle for all roles: what is prepared, started, watched and ended, and in which order."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial

from vision.config.camera import CameraSettings
from vision.config.core import LogSettings
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
from vision.runtime.reload.plan import DesiredCamera, desired_cameras
from vision.runtime.reload.reloader import Reloader
from vision.telemetry.logs import set_levels
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
        self._reloader: Reloader | None = None

    def follow_settings(self, reloader: Reloader) -> None:
        """Follow changes of the settings while the role runs; to be called before :meth:`run`."""
        self._reloader = reloader
        if self._liveness:
            self._liveness.reload_note = lambda: reloader.result
        self._node_metrics.follow_reloads(
            lambda: float(not reloader.result.problem), lambda: reloader.successful_at_s
        )

    def warnings(self) -> tuple[str, ...]:
        """What keeps nothing from working, and somebody should know."""
        problem = self._reloader.result.problem if self._reloader else ""
        return (f"the settings before go on to hold: {problem}",) if problem else ()

    def check_settings(self, settings: Settings) -> None:  # noqa: B027  few roles need more
        """Find what a role cannot follow before anything does; see :class:`FollowsSettings`.

        Raises:
            VisionError: A secret file is missing, a label is unknown.
        """

    def apply_settings(self, settings: Settings, cameras: dict[str, DesiredCamera]) -> None:
        """Follow ``settings`` as far as possible, and the cameras as they are wanted now."""
        if settings.logs != self.settings.logs:
            set_levels(settings.logs.level, settings.logs.areas.items())
            self.apply_log_settings(settings.logs)
        self.settings = settings
        self._follow(settings, cameras)

    def apply_log_settings(self, logs: LogSettings) -> None:  # noqa: B027  few roles have processes
        """Have the processes of the role log in this way."""

    def _follow(self, settings: Settings, cameras: dict[str, DesiredCamera]) -> None:  # noqa: B027  some roles read none of it
        """Follow what the role's own parts can."""

    def expose(self, metrics: NodeMetrics, peers: Iterable[TlsPeer] = ()) -> None:
        """Bind the port of ``metrics``, to be called once by the constructor of each role.

        When the certificates of ``peers`` end is among them.

        Raises:
            ConfigError: The port cannot be had.
        """
        self._node_metrics = metrics
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
        if self._reloader:
            threads.start("settings", self._reloader.run, threads.stop, self)
        self._report("started", {**self._start_fields(), "metrics": self.metrics_url})
        watch(stop, self._check, self._liveness, self._read_liveness)
        self._report("stopping", {})
        if self._reloader:
            # First: nothing is started any more.
            self._reloader.wake()
            threads.join("settings")
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


def wanted_cameras(settings: Settings) -> dict[str, DesiredCamera]:
    """The cameras of ``settings`` as they are wanted at this moment."""
    return desired_cameras(settings, datetime.now(UTC))
