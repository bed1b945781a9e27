"""Reports of errors to a Sentry server, if a person asks for it; scrubbed before they leave.

It takes what is logged at level error, uncaught exceptions included, since those are logged
too. Integrations that look at requests, commands or arguments stay off, so do local variables.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vision import __version__
from vision.domain.errors import ConfigError
from vision.domain.noop import noop
from vision.domain.secret import Secret
from vision.telemetry.redaction import Redactor, process_redactor

if TYPE_CHECKING:
    from sentry_sdk.types import Breadcrumb, BreadcrumbHint, Event, Hint

_REMEDY = "or remove the secret file sentry_dsn to send no reports"
_FLUSH_S = 2.0


def start_sentry(dsn: Secret, role: str, redactor: Redactor = process_redactor) -> None:
    """Send the errors of this process to the server that ``dsn`` names.

    Args:
        dsn: Address and key of a Sentry project, from the secret file ``sentry_dsn``.
        role: Which process this is; sent in place of the host's name.
        redactor: Takes out what was registered.

    Raises:
        ConfigError: The extra is not installed, or the address is none.
    """
    try:
        import sentry_sdk  # noqa: PLC0415  an extra, and slow to import
        from sentry_sdk.integrations.atexit import AtexitIntegration  # noqa: PLC0415
        from sentry_sdk.integrations.dedupe import DedupeIntegration  # noqa: PLC0415
        from sentry_sdk.integrations.logging import LoggingIntegration  # noqa: PLC0415
        from sentry_sdk.utils import BadDsn  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            f"secret file sentry_dsn: pip install 'ariia-vision[sentry]', {_REMEDY}"
        ) from None
    address = dsn.get_secret_value()

    def scrub_event(event: Event, _hint: Hint) -> Event:
        scrubbed: Event = _scrubbed(event, redactor)
        return scrubbed

    def scrub_breadcrumb(breadcrumb: Breadcrumb, _hint: BreadcrumbHint) -> Breadcrumb:
        scrubbed: Breadcrumb = _scrubbed(breadcrumb, redactor)
        return scrubbed

    try:
        redactor.register(urlsplit(address).username or address)
        sentry_sdk.init(
            dsn=address,
            release=__version__,
            server_name=role,
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[
                LoggingIntegration(level=logging.INFO, event_level=logging.ERROR),
                # Its default tells on standard error that it waits; the errors are in the log as well.
                AtexitIntegration(callback=noop),
                DedupeIntegration(),
            ],
            include_local_variables=False,
            send_default_pii=False,
            send_client_reports=False,
            auto_session_tracking=False,
            max_request_body_size="never",
            shutdown_timeout=_FLUSH_S,
            # The event is plain data by then, and nothing is added to it afterwards.
            before_send=scrub_event,
            before_breadcrumb=scrub_breadcrumb,
        )
    except (BadDsn, ValueError):
        pass
    else:
        return
    raise ConfigError(
        f"secret file sentry_dsn: is no address of a project: copy the DSN anew, {_REMEDY}"
    )


def _scrubbed(part: Any, redactor: Redactor) -> Any:
    """``part`` with each text in it redacted, names of fields included."""
    if isinstance(part, str):
        return redactor.redact(part)
    if isinstance(part, dict):
        return {_scrubbed(key, redactor): _scrubbed(value, redactor) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_scrubbed(item, redactor) for item in part]
    return part
