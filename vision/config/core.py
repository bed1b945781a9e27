"""Settings of the node by topic; each class is one block of ``vision.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, model_validator

from vision.config.base import SettingsModel
from vision.config.url_credentials import credential_key_in


def _redis_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        well_formed = parts.port is None or parts.port > 0
    except ValueError:
        well_formed = False
    if not well_formed or parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must look like redis://host:6379/0, rediss://host:6379/0 or unix:///path")
    if "@" in parts.netloc or credential_key_in(f"?{parts.query}&{parts.fragment}", ()):
        raise ValueError(
            "holds a user name or password: remove it, name the user in redis.username and put "
            "the password into the secret file redis_password"
        )
    if {"ssl_cert_reqs", "ssl_check_hostname"} & parse_qs(parts.query).keys():
        raise ValueError(
            "decides after '?' how certificates are checked: remove that and set redis.tls.verify"
        )
    return url


def _address(text: str) -> str:
    try:
        parts = urlsplit(f"//{text}")
        is_address = bool(parts.hostname and parts.port) and text == parts.netloc
    except ValueError:
        is_address = False
    if not is_address or "@" in text:
        raise ValueError("must look like host:26379, without scheme and password")
    return text


RedisUrl = Annotated[str, AfterValidator(_redis_url)]
Address = Annotated[str, AfterValidator(_address)]


class RedisTlsSettings(SettingsModel):
    """How the certificate of a ``rediss://`` server is checked."""

    verify: bool = Field(
        True, description="check certificate and host name of a `rediss://` server"
    )
    ca_file: Path | None = Field(
        None, description="certificate authority in PEM form, believed beside the system's"
    )


class RedisSettings(SettingsModel):
    """Where messages go."""

    url: RedisUrl = Field(
        "redis://127.0.0.1:6379/0", description="`redis://`, `rediss://` or `unix://`"
    )
    sentinels: tuple[Address, ...] = Field(
        (),
        description="`host:port` of the Sentinels that know the primary; host and port of "
        "`redis.url` are not used then",
    )
    sentinel_name: str = Field(
        "mymaster", min_length=1, description="what the Sentinels call the primary"
    )
    cluster_nodes: tuple[Address, ...] = Field(
        (),
        description="`host:port` of some nodes of a Redis Cluster, which name the others; host "
        "and port of `redis.url` are not used then",
    )
    username: str | None = Field(
        None, description="ACL user; its password is the secret file `redis_password`"
    )
    tls: RedisTlsSettings = Field(default_factory=RedisTlsSettings, description="see below")
    connect_timeout_s: float = Field(2.0, gt=0, le=60, description="longest wait for a connection")
    command_timeout_s: float = Field(2.0, gt=0, le=60, description="longest wait for an answer")

    @property
    def fails_over(self) -> bool:
        """Whether another server may take the place of the one that is written to."""
        return bool(self.sentinels or self.cluster_nodes)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        parts = urlsplit(self.url)
        if self.sentinels and self.cluster_nodes:
            raise ValueError("sentinels and cluster_nodes exclude each other: remove one")
        if self.fails_over and parts.scheme == "unix":
            raise ValueError(
                "url is a socket, which Sentinels and clusters do not know: write redis:// or "
                "rediss:// there"
            )
        # The number of the database also stands after '?' as an option of the client.
        databases = {parts.path.strip("/"), *parse_qs(parts.query).get("db", [])}
        if self.cluster_nodes and not databases <= {"", "0"}:
            raise ValueError("url names a database, and a cluster has only 0: remove it")
        if self.tls != RedisTlsSettings() and parts.scheme != "rediss":
            raise ValueError("tls is set, but url is not encrypted: write rediss:// there")
        return self


class PublishingSettings(SettingsModel):
    """What is published and how long it is kept."""

    empty_frames: Literal["always", "on_change"] = Field(
        "always",
        description="publish a message for every frame with nothing in it, or just for the first",
    )
    stream_max_messages: int = Field(
        10_000,
        ge=100,
        le=10_000_000,
        description="messages kept per camera for replay (`MAXLEN ~`)",
    )
    status_max_messages: int = Field(
        1_000, ge=10, le=10_000_000, description="status changes kept per camera"
    )
    outbox_messages: int = Field(
        10_000,
        ge=100,
        le=10_000_000,
        description="messages per camera that wait in memory while Redis is away",
    )
    live_max_age_ms: int = Field(
        2_000,
        ge=100,
        le=3_600_000,
        description="older messages reach the stream only, never the live channel",
    )
    spool_dir: Path | None = Field(
        None,
        description="folder in which messages that wait survive a restart; default: in memory only",
    )
    spool_max_mib: int = Field(
        256, ge=1, le=1_048_576, description="room for them there; the oldest make way first"
    )


class ModelSettings(SettingsModel):
    """Which model looks at the frames."""

    name: str = Field(
        "auto",
        description="a name of `vision models list`; `auto` takes yolov8n, else the embedded model",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="where it runs; `auto` takes a GPU if there is one and the extra `gpu`",
    )
    precision: Literal["auto", "fp32", "int8"] = Field(
        "auto",
        description="how the CPU computes: `int8` takes the build of `vision models quantize`, "
        "`fp32` single precision throughout, `auto` the former if it is there, else the fastest "
        "floating point of the processor",
    )
    input_size: int = Field(
        640,
        ge=64,
        le=1920,
        multiple_of=32,
        description="longest side of the picture the model sees, pixels",
    )
    confidence: float = Field(0.25, ge=0, le=1, description="least confidence of a detection")
    iou: float = Field(
        0.7, gt=0, le=1, description="overlap from which two boxes of a label are one object"
    )
    max_detections: int = Field(300, ge=1, le=3000, description="most detections per frame")


class IngestSettings(SettingsModel):
    """The processes that read the cameras."""

    max_rss_mib: int = Field(
        1024,
        ge=0,
        le=1_048_576,
        description="resident memory, MiB, past which a camera's process is replaced; 0 for any",
    )


class InferenceSettings(SettingsModel):
    """How frames of many cameras share the engine."""

    max_batch: int = Field(8, ge=1, le=256, description="frames per batch where batches help (GPU)")
    max_wait_ms: int = Field(
        10, ge=0, le=1000, description="longest wait for a batch to fill once it has a frame"
    )
    max_staleness_ms: int = Field(
        1_000, ge=50, le=3_600_000, description="a frame older than this is skipped, never inferred"
    )
    requests: int = Field(
        0,
        ge=0,
        le=64,
        description="frames in the engine at a time; 0 is one more than the engine works on",
    )
    threads: int = Field(0, ge=0, le=256, description="engine threads; 0 lets the engine choose")


class WebSettings(SettingsModel):
    """Live page, health and metrics."""

    enabled: bool = Field(True, description="false starts no HTTP server")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    behind_proxy: bool = Field(
        False,
        description="true where a proxy limits its clients: the limits per address, 100 requests a "
        "second and 64 connections, would be those of all viewers together",
    )


class MetricsSettings(SettingsModel):
    """A port for metrics alone, beside the one of the live page."""

    host: str | None = Field(
        None,
        description="address of a port for metrics alone, with a token of its own; default: "
        "none, and metrics are on the live page's port",
    )
    port: int = Field(9464, ge=0, le=65535, description="that port; 0 takes a free one")


LogLevel = Literal["debug", "info", "warning", "error"]
LogArea = Literal[
    "bridges",
    "capture",
    "cli",
    "config",
    "events",
    "frames",
    "inference",
    "models",
    "narration",
    "publishing",
    "redis",
    "runtime",
    "simulate",
    "telemetry",
    "web",
    "libav",
]


class LogSettings(SettingsModel):
    """What the program says."""

    level: LogLevel = Field("info", description="least important line shown")
    areas: dict[LogArea, LogLevel] = Field(
        default_factory=dict,
        description="level of single areas, as `{capture: debug}`; read anew, with `logs.level`, "
        "at SIGUSR1",
    )
    format: Literal["auto", "json", "text"] = Field(
        "auto", description="`auto` is text on a terminal and JSON lines elsewhere"
    )
