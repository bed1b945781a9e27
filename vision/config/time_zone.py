"""Time zones by name, and the one of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

_LOCALTIME = Path("/etc/localtime")


def _checked_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        if not available_timezones():
            raise ValueError(
                "cannot be looked up, there is no time-zone database: install the package tzdata"
            ) from None
        raise ValueError("must be a time zone such as Europe/Berlin or UTC") from None
    return name


TimeZone = Annotated[str, AfterValidator(_checked_time_zone)]


def time_zone(
    name: str | None, environ: Mapping[str, str] = os.environ, localtime: Path = _LOCALTIME
) -> tzinfo:
    """The time zone called ``name``; None takes the machine's: ``TZ``, ``/etc/localtime``, UTC."""
    if name is not None:
        return ZoneInfo(name)
    try:
        if chosen := environ.get("TZ", "").lstrip(":"):
            return ZoneInfo(chosen)
        with localtime.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError, LookupError):
        return UTC
