"""When a camera's events begin and end, from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from vision.config.camera import CameraSettings
from vision.config.events import Line, Polygon
from vision.config.settings import Settings

# What a message may be late by, once the motion gate has let its frame pass.
_REFRESH_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Rules:
    """As :class:`vision.config.events.EventSettings`, with what differs for the camera.

    ``keeps_back_empty`` is whether only the first of consecutive empty frames is published.
    """

    labels: tuple[str, ...] | None
    confidence: float
    confirm_sightings: int
    confirm_s: float
    lost_s: float
    away_s: float
    min_dwell_s: float
    update_s: float
    zones: dict[str, Polygon]
    lines: dict[str, Line]
    only_in: tuple[str, ...] | None
    keeps_back_empty: bool


def rules_for(settings: Settings, camera: str) -> Rules:
    """The rules of a camera, of one that is not in the settings too."""
    common = settings.events
    known = settings.cameras.get(camera) or CameraSettings(url="rtsp://unknown/")
    own, away_s = known.events, common.away_s
    if known.motion.enabled:
        away_s = max(away_s, known.motion.refresh_s + _REFRESH_GRACE_S)
    return Rules(
        labels=common.labels if own.labels is None else own.labels,
        confidence=common.confidence if own.confidence is None else own.confidence,
        confirm_sightings=common.confirm_sightings,
        confirm_s=common.confirm_s,
        lost_s=common.lost_s if own.lost_s is None else own.lost_s,
        away_s=away_s,
        min_dwell_s=common.min_dwell_s if own.min_dwell_s is None else own.min_dwell_s,
        update_s=common.update_s,
        zones=own.zones,
        lines=own.lines,
        only_in=own.only_in,
        keeps_back_empty=settings.publishing.empty_frames == "on_change",
    )
