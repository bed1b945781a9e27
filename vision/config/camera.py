"""Settings of one camera."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, Field

from vision.config.base import SettingsModel, checked_name
from vision.config.events import CameraEventSettings
from vision.config.rtsp_url import checked_rtsp_url
from vision.config.schedule import parse_window

_CAMERA_NAME_LENGTH = 63


def checked_camera_name(name: str) -> str:
    """``name``, if a camera may be called that.

    Raises:
        ValueError: It may not.
    """
    return checked_name(
        name, whose="camera", part_of="Redis keys and file names", length=_CAMERA_NAME_LENGTH
    )


def _schedule_window(text: str) -> str:
    parse_window(text)
    return text


CameraName = Annotated[str, AfterValidator(checked_camera_name)]
RtspUrl = Annotated[str, AfterValidator(checked_rtsp_url)]
ScheduleWindow = Annotated[str, AfterValidator(_schedule_window)]


class TlsSettings(SettingsModel):
    """How the certificate of an ``rtsps://`` camera is checked."""

    verify: bool = Field(True, description="check the certificate and the host name")
    ca_file: Path | None = Field(
        None, description="certificate authority in PEM form; default: the system's"
    )
    server_name: str | None = Field(
        None, description="name in the certificate where it differs from the URL's host"
    )


class MotionSettings(SettingsModel):
    """The gate that holds frames back while nothing moves."""

    enabled: bool = Field(
        False, description="infer a still scene only every `refresh_s` instead of every frame"
    )
    threshold: float = Field(
        8.0,
        ge=1,
        le=128,
        description="levels of grey, of 255, by which a spot must change to count as movement; "
        "more for a noisy camera, less for a dark scene",
    )
    hold_s: float = Field(
        3.0,
        ge=0,
        le=3600,
        description="seconds for which every frame is inferred after the last movement",
    )
    refresh_s: float = Field(
        10.0, gt=0, le=3600, description="seconds without movement after which a frame is inferred"
    )
    sleep: bool = Field(
        True,
        description="decode key frames only while nothing moves and the packets between are small; "
        "all is decoded when they grow",
    )

    @property
    def may_sleep(self) -> bool:
        """Whether the decoder may."""
        return self.enabled and self.sleep


class CameraSettings(SettingsModel):
    """One camera; every key but ``url`` has a default."""

    url: RtspUrl = Field(
        description="`rtsp://` or `rtsps://`, without credentials; `{username}` and `{password}` "
        "stand for them where a camera wants them in the path or query"
    )
    enabled: bool = Field(
        True, description="false switches the camera off: its connection is closed"
    )
    until: AwareDatetime | None = Field(
        None,
        description="time until which `enabled` holds, as `2026-01-31T18:00:00+01:00`; then the "
        "schedule decides, or the camera is on",
    )
    schedule: tuple[ScheduleWindow, ...] = Field(
        (),
        description="hours in which the camera is on, as `[mon-fri 22:00-06:00, sun 00:00-24:00]`; "
        "default: always",
    )
    fps: float = Field(5.0, gt=0, le=120, description="frames per second to infer at most")
    labels: tuple[str, ...] | None = Field(
        None, description="labels to report; default: all the model knows"
    )
    confidence: float | None = Field(
        None, ge=0, le=1, description="replaces `model.confidence` for this camera"
    )
    auth: Literal["auto", "required", "none"] = Field(
        "auto",
        description="`auto` uses the camera's secret files if they exist, `required` insists",
    )
    transport: Literal["tcp", "udp"] = Field("tcp", description="how RTP travels")
    open_timeout_s: float = Field(5.0, gt=0, le=60, description="longest wait for the first packet")
    read_timeout_s: float = Field(
        5.0,
        gt=0,
        le=60,
        description="longest wait for a further packet, then reconnect; more than lies between "
        "two frames of the camera",
    )
    clock_window_s: float = Field(
        10.0,
        gt=0,
        le=3600,
        description="how far a camera's clock may be off before arrival time is used instead",
    )
    frozen_after_s: float = Field(
        30.0,
        ge=0,
        le=3600,
        description="seconds without a new picture, while frames arrive, after which the camera "
        "is `frozen`; 0 never says so",
    )
    motion: MotionSettings = Field(default_factory=MotionSettings, description="see below")
    tls: TlsSettings = Field(default_factory=TlsSettings, description="see below")
    events: CameraEventSettings = Field(
        default_factory=CameraEventSettings, description="see below"
    )

    @property
    def is_unverified(self) -> bool:
        """Whether the connection is encrypted, and nobody checks with whom."""
        return urlsplit(self.url).scheme == "rtsps" and not self.tls.verify
