"""Whether errors of this process are reported, and to whom."""

from __future__ import annotations

from pathlib import Path

from vision.config.secrets import SENTRY_DSN
from vision.runtime.processes.secret_files import secret_files


def start_error_reports(secrets_dir: Path | None, role: str) -> None:
    """Report errors to Sentry if there is a secret file ``sentry_dsn``, else do nothing.

    Raises:
        ConfigError: The file or the address in it is not in order, or the extra is missing.
    """
    dsn = secret_files(secrets_dir).read(SENTRY_DSN)
    if dsn is not None:
        from vision.telemetry.sentry import start_sentry  # noqa: PLC0415  for those who ask

        start_sentry(dsn, role)
