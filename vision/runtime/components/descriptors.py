"""Whether there are descriptors enough for what is configured."""

from __future__ import annotations

import logging

from vision.config.settings import Settings
from vision.domain.errors import VisionError
from vision.runtime.processes.descriptors import (
    attainable_limit,
    connections_beside,
    needed_for,
    shortage,
)

_log = logging.getLogger(__name__)


def most_connections(settings: Settings) -> int:
    """How many connections a server of this process may have, so that cameras have theirs."""
    servers = settings.web.enabled + (settings.metrics.host is not None)
    return connections_beside(_needed(settings), servers)


def warn_if_short(settings: Settings) -> None:
    """Say it once, at the start: what there is is used, and some cameras go without."""
    if lack := _shortage(settings):
        _log.error("role.descriptors_short reason=%s", lack)


def look_at_descriptors(settings: Settings) -> str:
    """What there is and what is needed, for ``vision check``.

    Raises:
        VisionError: The limit is too small for the cameras that are configured.
    """
    if lack := _shortage(settings):
        raise VisionError(lack)
    return (
        f"up to {attainable_limit()} open files; {len(settings.cameras)} cameras need "
        f"{_needed(settings)}, which leaves {most_connections(settings)} connections to the page"
    )


def _needed(settings: Settings) -> int:
    return needed_for(len(settings.cameras), len(settings.redis.cluster_nodes))


def _shortage(settings: Settings) -> str | None:
    return shortage(len(settings.cameras), len(settings.redis.cluster_nodes))
