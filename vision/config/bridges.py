"""Settings of the bridges: events and states to MQTT and to webhooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from vision.config.base import SettingsModel, checked_name, is_http_url
from vision.config.camera import CameraName
from vision.config.url_credentials import credential_place

TOKEN_PLACE = "{token}"  # noqa: S105  where the token of a webhook's address goes
MQTT_SCHEMES = {"mqtt": 1883, "mqtts": 8883}
_TARGET_NAME_LENGTH = 32
_TOPIC = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")


def _mqtt_url(url: str) -> str:
    if "@" in url:
        raise ValueError(
            "holds a user name or password: remove them and put them into the secret files "
            "mqtt_username and mqtt_password"
        )
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        port_is_valid = False
    if (
        not port_is_valid
        or parts.scheme not in MQTT_SCHEMES
        or not parts.hostname
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
    ):
        raise ValueError("must look like mqtt://host:1883 or mqtts://host:8883")
    return url


def _topic(text: str) -> str:
    if not _TOPIC.fullmatch(text):
        raise ValueError("must be one or more levels of letters, digits, '-' and '_', as vision")
    return text


def _target_name(name: str) -> str:
    return checked_name(name, whose="target", part_of="file names", length=_TARGET_NAME_LENGTH)


def _webhook_url(url: str) -> str:
    if "@" in url:
        raise ValueError(
            "holds a user name or password: remove it; a token goes into the secret file "
            f"webhook_<name>_token, and {TOKEN_PLACE} in the address stands for it"
        )
    parts = urlsplit(url) if is_http_url(url) else None
    if parts is None or parts.fragment:
        raise ValueError("must look like https://host/path")
    if TOKEN_PLACE in parts.netloc:
        raise ValueError(f"has {TOKEN_PLACE} in its host: only path and query may have it")
    place = credential_place(parts, (TOKEN_PLACE,))
    if place is not None:
        raise ValueError(
            f"holds a credential in its {place}: write {TOKEN_PLACE} in place of its value, and put "
            "the value into the secret file webhook_<name>_token"
        )
    return url


MqttUrl = Annotated[str, AfterValidator(_mqtt_url)]
MqttTopic = Annotated[str, AfterValidator(_topic)]
TargetName = Annotated[str, AfterValidator(_target_name)]
WebhookUrl = Annotated[str, AfterValidator(_webhook_url)]


class MqttTlsSettings(SettingsModel):
    """How both sides of an ``mqtts://`` connection know each other."""

    ca_file: Path | None = Field(
        None, description="certificate authority in PEM form, believed beside the system's"
    )
    cert_file: Path | None = Field(
        None, description="certificate of ours in PEM form, where the broker asks for one"
    )
    key_file: Path | None = Field(None, description="its key, without a password")

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together: name both")
        return self


class MqttSettings(SettingsModel):
    """States and events for an MQTT broker, and for Home Assistant behind it."""

    url: MqttUrl | None = Field(
        None, description="`mqtt://` or `mqtts://`; credentials are secret files"
    )
    client_id: str = Field(
        "ariia-vision",
        min_length=1,
        max_length=64,
        description="by which the broker knows the bridge: one each, or they throw each other out",
    )
    topic: MqttTopic = Field("vision", description="first level of what is published")
    discovery: bool = Field(True, description="tell Home Assistant what there is")
    discovery_topic: MqttTopic = Field(
        "homeassistant", description="where Home Assistant listens for that"
    )
    frigate: bool = Field(
        False, description="also publish what Frigate would, for automations that know it"
    )
    frigate_topic: MqttTopic = Field("frigate", description="first level of that")
    refresh_s: float = Field(
        60.0,
        ge=1,
        le=3600,
        description="states are published again after so many seconds; three times that is when "
        "Home Assistant believes them no more",
    )
    timeout_s: float = Field(
        5.0, gt=0, le=60, description="longest wait for the broker to let the bridge in"
    )
    keepalive_s: int = Field(
        15, ge=2, le=600, description="a broker that is silent for about that long is given up"
    )
    tls: MqttTlsSettings = Field(default_factory=MqttTlsSettings, description="see below")

    @model_validator(mode="after")
    def _tls_has_a_use(self) -> Self:
        if self.tls != MqttTlsSettings() and not (self.url or "").startswith("mqtts:"):
            raise ValueError("tls is set, but url is not encrypted: write mqtts:// there")
        return self


class WebhookTarget(SettingsModel):
    """One address that events are posted to."""

    name: TargetName = Field(
        description="what metrics and logs call it; `webhook_NAME_key` is the secret file of the "
        "key that signs, `webhook_NAME_token` that of a token, if it wants one"
    )
    url: WebhookUrl = Field(
        description=f"where to; `{TOKEN_PLACE}` stands for the token, which else is sent as "
        "`Authorization: Bearer`"
    )
    cameras: tuple[CameraName, ...] | None = Field(
        None, description="cameras to tell of; default: all"
    )
    labels: tuple[str, ...] | None = Field(None, description="labels to tell of; default: all")
    types: tuple[Literal["new", "update", "end"], ...] = Field(
        ("new", "end"), description="which messages of an event: `new`, `update`, `end`"
    )
    timeout_s: float = Field(
        10.0, gt=0, le=60, description="longest wait for an answer, look-up and all included"
    )
    give_up_s: float = Field(
        21_600.0,
        ge=1,
        le=604_800,
        description="age of a message, seconds, past which it is tried no more",
    )
    ca_file: Path | None = Field(
        None, description="certificate authority in PEM form, believed beside the system's"
    )


class WebhookSettings(SettingsModel):
    """Events for HTTP servers."""

    targets: tuple[WebhookTarget, ...] = Field((), description="to whom events are posted")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [target.name for target in self.targets]
        if len(set(names)) < len(names):
            raise ValueError("two targets have the same name: rename one")
        return self


class BridgeSettings(SettingsModel):
    """What goes on to systems that do not read Redis."""

    mqtt: MqttSettings = Field(default_factory=MqttSettings)
    webhook: WebhookSettings = Field(default_factory=WebhookSettings)
