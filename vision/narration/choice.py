"""Which event messages are told of."""

from __future__ import annotations

from vision.config.narration import NarrationSettings
from vision.domain.event import EventMessage


def is_wanted(event: EventMessage, settings: NarrationSettings) -> bool:
    """Whether ``settings`` ask for a sentence on this message of an event."""
    return (
        event.type in settings.types
        and _in(event.camera, settings.cameras)
        and _in(event.label, settings.labels)
        and (
            settings.zones is None
            or not {*event.zones.entered, *event.zones.current}.isdisjoint(settings.zones)
        )
    )


def _in(name: str, names: tuple[str, ...] | None) -> bool:
    return names is None or name in names
