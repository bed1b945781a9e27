"""All settings of a node, validated once at the start and then passed down by topic."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from vision.config.bridges import BridgeSettings
from vision.config.camera import CameraName, CameraSettings
from vision.config.core import (
    InferenceSettings,
    IngestSettings,
    LogSettings,
    MetricsSettings,
    ModelSettings,
    PublishingSettings,
    RedisSettings,
    WebSettings,
)
from vision.config.events import EventSettings
from vision.config.narration import NarrationSettings
from vision.config.time_zone import TimeZone

ENV_PREFIX = "VISION_"
ENV_DELIMITER = "__"


class Settings(BaseSettings):
    """The whole of ``vision.yaml``; ``VISION_*`` variables replace single keys."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter=ENV_DELIMITER,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    redis: RedisSettings = Field(default_factory=RedisSettings)
    publishing: PublishingSettings = Field(default_factory=PublishingSettings)
    model: ModelSettings = Field(default_factory=ModelSettings)
    ingest: IngestSettings = Field(default_factory=IngestSettings)
    inference: InferenceSettings = Field(default_factory=InferenceSettings)
    events: EventSettings = Field(default_factory=EventSettings)
    web: WebSettings = Field(default_factory=WebSettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)
    narration: NarrationSettings = Field(default_factory=NarrationSettings)
    bridge: BridgeSettings = Field(default_factory=BridgeSettings)
    logs: LogSettings = Field(default_factory=LogSettings)
    secrets_dir: Path | None = Field(
        None, description="folder of secret files; default: `/run/secrets`, then `secrets/`"
    )
    models_dir: Path | None = Field(
        None, description="folder of model files; default: `models/` of a checkout, else the cache"
    )
    run_dir: Path | None = Field(
        None,
        description="where the role says that it lives, for `vision healthcheck`; default: "
        "`/run/vision` if it can be written, else a folder of the user",
    )
    timezone: TimeZone | None = Field(
        None, description="of schedules, as `Europe/Berlin`; default: the machine's"
    )
    cameras_dir: Path | None = Field(
        None,
        description="folder of `NAME.yaml` files, each laid over the camera of that name or a "
        "camera of its own; default: `cameras.d/` beside the settings file",
    )
    cameras: dict[CameraName, CameraSettings] = Field(
        default_factory=dict, description="the cameras by name"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the name is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let a variable win over the file, and read nothing else."""
        return env_settings, init_settings
