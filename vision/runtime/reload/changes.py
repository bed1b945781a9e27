"""Which settings differ, and which of them a running role cannot follow; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from vision.config.settings import Settings

# A role follows these while it runs; anything else holds from its next start on. Keys of cameras
# are all followed.
LIVE = (
    "cameras",
    "timezone",
    "logs.level",
    "logs.areas",
    "model.confidence",
    "model.iou",
    "model.max_detections",
    "events.labels",
    "events.confidence",
    "events.confirm_sightings",
    "events.confirm_s",
    "events.lost_s",
    "events.away_s",
    "events.min_dwell_s",
    "events.update_s",
)


def changed_settings(new: Settings, old: Settings) -> tuple[str, ...]:
    """The keys whose values differ, dotted; of cameras only ``cameras``."""
    return tuple(_changes(new, old, ""))


def needs_restart(changed: tuple[str, ...]) -> tuple[str, ...]:
    """Those of ``changed`` that a running role cannot follow."""
    return tuple(key for key in changed if not _is_live(key))


def _is_live(key: str) -> bool:
    return any(key == live or key.startswith(f"{live}.") for live in LIVE)


def _changes(new: BaseModel, old: BaseModel, prefix: str) -> Iterator[str]:
    for name in type(new).model_fields:
        mine, theirs = getattr(new, name), getattr(old, name)
        if mine == theirs:
            continue
        is_group = isinstance(mine, BaseModel) and type(mine) is type(theirs)
        if is_group and not isinstance(mine, Mapping):
            yield from _changes(mine, theirs, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"
