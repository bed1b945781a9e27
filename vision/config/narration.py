"""Settings of the narrator: events in words, by language models or by template."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from vision.config.base import SettingsModel, checked_name, is_http_url
from vision.config.camera import CameraName
from vision.config.time_zone import TimeZone
from vision.config.url_credentials import credential_place
from vision.domain.narration import TEMPLATE

# Fits a file name, a metric's label and a line of a log.
_PROVIDER_NAME_LENGTH = 32
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
RESERVE_S = 0.25
"""What of ``deadline_s`` is kept for all but asking: reading the event, telling Redis."""


def _provider_name(name: str) -> str:
    checked_name(name, whose="provider", part_of="a file name", length=_PROVIDER_NAME_LENGTH)
    if name == TEMPLATE:
        raise ValueError(f"{TEMPLATE!r} is what answers when no provider does: take another name")
    return name


def _api_url(url: str) -> str:
    if "@" in url:
        raise ValueError(
            "holds a user name or password: remove it and put the key into the secret file "
            "narration_<name>_key"
        )
    if not is_http_url(url):
        raise ValueError("must look like https://host/v1 or http://ollama:11434/v1")
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise ValueError("must end with its path, as /v1: remove what follows '?' or '#'")
    place = credential_place(parts, ())
    if place is not None:
        raise ValueError(
            f"holds a credential in its {place}: remove it and put it into the secret file "
            "narration_<name>_key"
        )
    return url.rstrip("/")


ProviderName = Annotated[str, AfterValidator(_provider_name)]
ApiUrl = Annotated[str, AfterValidator(_api_url)]


class ProviderSettings(SettingsModel):
    """One language model behind the OpenAI-compatible API."""

    name: ProviderName = Field(
        description="what messages and metrics call it; its key is the secret file "
        "`narration_NAME_key`"
    )
    url: ApiUrl = Field(
        description="up to `/v1`, without credentials; `https://` unless the host is a local one"
    )
    model: str = Field(min_length=1, max_length=128, description="the model to ask for")
    timeout_s: float = Field(
        1.3, gt=0, le=30, description="longest wait for the whole answer, look-up included"
    )
    auth: Literal["auto", "required", "none"] = Field(
        "auto", description="`auto` sends the key if its secret file exists, `required` insists"
    )
    images: bool = Field(
        False, description="true lets it see the snapshot, if `narration.images` is true as well"
    )
    max_tokens_key: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="what it calls the bound on an answer's length"
    )
    allow_http: bool = Field(
        False, description="true sends event and key in plain text to a host that is not local"
    )
    ca_file: Path | None = Field(
        None, description="certificate authority in PEM form, believed beside the usual ones"
    )

    @property
    def is_plain_and_local(self) -> bool:
        """Whether it is asked in plain text, and may be because it is near."""
        return urlsplit(self.url).scheme == "http" and not self.allow_http

    @model_validator(mode="after")
    def _plain_text_stays_here(self) -> Self:
        if self.is_plain_and_local and not _is_local(urlsplit(self.url).hostname or ""):
            raise ValueError(
                "url is not encrypted and leaves this network: write https:// there, or set "
                "allow_http to true"
            )
        return self


class NarrationLimits(SettingsModel):
    """What the narrator may ask for."""

    per_minute: int = Field(
        30, ge=1, le=10_000, description="most questions to a provider in a minute"
    )
    at_once: int = Field(4, ge=1, le=64, description="most questions to a provider at a time")
    max_tokens: int = Field(120, ge=16, le=1024, description="longest answer, in tokens")
    pending: int = Field(
        64,
        ge=1,
        le=1024,
        description="events under way at a time; those beyond are told by template",
    )


class NarrationBreaker(SettingsModel):
    """When a provider that fails is left alone."""

    failures: int = Field(
        2, ge=1, le=1000, description="failures in a row after which it is not asked"
    )
    rest_s: float = Field(
        15.0, gt=0, le=3600, description="seconds after which one event tries it again"
    )


class NarrationSettings(SettingsModel):
    """What `vision narrate` tells, in which words, and whom it asks for them."""

    language: Literal["de", "en"] = Field("de", description="of the sentences")
    timezone: TimeZone = Field("UTC", description="of the times in them, as `Europe/Berlin`")
    types: tuple[Literal["new", "update", "end"], ...] = Field(
        ("new", "end"), min_length=1, description="messages of an event that are told"
    )
    labels: tuple[str, ...] | None = Field(None, description="labels to tell of; default: all")
    zones: tuple[str, ...] | None = Field(
        None, description="tell only of what was in one of these zones; default: of everything"
    )
    cameras: tuple[CameraName, ...] | None = Field(
        None, description="cameras to tell of; default: all on Redis"
    )
    providers: tuple[ProviderSettings, ...] = Field(
        (),
        description="asked in this order until one answers; the template answers when none does",
    )
    deadline_s: float = Field(
        3.0, ge=0.5, le=60, description="longest time from an event to its sentence"
    )
    images: bool = Field(False, description="true sends the snapshot to providers that allow it")
    max_age_s: float = Field(
        60.0, gt=0, le=86_400, description="events older than this are told by template"
    )
    stream_max_messages: int = Field(
        1_000, ge=10, le=10_000_000, description="sentences kept per camera for replay (`MAXLEN ~`)"
    )
    limits: NarrationLimits = Field(default_factory=NarrationLimits, description="see below")
    breaker: NarrationBreaker = Field(default_factory=NarrationBreaker, description="see below")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [provider.name for provider in self.providers]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"providers: two are called {name!r}: rename one")
        total_s = sum(provider.timeout_s for provider in self.providers)
        if total_s > self.deadline_s - RESERVE_S + 1e-9:
            raise ValueError(
                f"the timeout_s of the providers add up to {total_s:g} s, which does not fit in "
                f"deadline_s less {RESERVE_S:g} s: shorten them or raise deadline_s"
            )
        return self


def is_local_address(text: str) -> bool:
    """Whether an IP address belongs to this machine or a private network."""
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    return address.is_loopback or address.is_private or address.is_link_local


def _is_local(host: str) -> bool:
    """By its name; whether it leads where it says is looked at when it is connected to."""
    try:
        return is_local_address(host)
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_SUFFIXES)
