"""What every container must be, as a list of complaints about a Compose model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import vision
from tests.support.compose_model import FOLDER, ROOT, Model

_ONE_OFF = {"tools", "sandbox"}
# Its image holds one program that cannot ask itself; Prometheus tells when it is away.
_UNASKED = "redis-exporter"
_OWN_IMAGE = re.compile(rf"ariia-vision:{re.escape(vision.__version__)}-(cpu|gpu|demo)")
_PINNED_IMAGE = re.compile(r"[a-z0-9._/-]+:[\w.-]+@sha256:[0-9a-f]{64}")
_USER = re.compile(r"[1-9]\d*:[1-9]\d*")
_SECRET_NAME = re.compile(r"pass|secret|token|credential|dsn|api_?key|auth", re.IGNORECASE)
_USERINFO = re.compile(r"\w+://[^/\s]*@")
_FORBIDDEN = ("privileged", "cap_add", "devices", "network_mode", "pid", "ipc", "userns_mode")
_MOUNTABLE = tuple(ROOT / folder for folder in ("data", "workspace"))


def complaints(model: Model) -> list[str]:
    """Everything that is wrong with the services of ``model``, a line each."""
    found = [
        f"{name}: {problem}"
        for name, service in model["services"].items()
        for problem in _of_service(name, service)
    ]
    if not model["networks"]["bus"].get("internal"):
        found.append("network bus: has a way out")
    return found


def _of_service(name: str, service: Model) -> Iterator[str]:
    yield from _identity(service)
    yield from _limits(service)
    yield from _outside(service)
    yield from _upkeep(name, service)
    yield from _credentials(name, service)


def _identity(service: Model) -> Iterator[str]:
    if not _USER.fullmatch(str(service.get("user", ""))):
        yield f"user is {service.get('user')!r}, not a number above 0"
    if not service.get("read_only"):
        yield "its root can be written"
    if service.get("cap_drop") != ["ALL"]:
        yield "keeps capabilities"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "can gain privileges"
    for key in _FORBIDDEN:
        # No network at all is the one mode that takes something away.
        if service.get(key) and (key, service[key]) != ("network_mode", "none"):
            yield f"has {key}"
    image = str(service.get("image", ""))
    if not (_OWN_IMAGE.fullmatch(image) or _PINNED_IMAGE.fullmatch(image)):
        yield f"image {image!r} is not pinned"


def _limits(service: Model) -> Iterator[str]:
    for key in ("mem_limit", "pids_limit"):
        if not service.get(key):
            yield f"has no {key}"
    logging = service.get("logging", {})
    is_bounded = {"max-size", "max-file"} <= logging.get("options", {}).keys()
    if not is_bounded and logging.get("driver") != "none":
        yield "its log grows without end"
    for tmpfs in service.get("tmpfs", []):
        if not {"noexec", "nosuid", "nodev"} <= set(tmpfs.partition(":")[2].split(",")):
            yield f"tmpfs {tmpfs} lacks an option"
        if "size=" not in tmpfs:
            yield f"tmpfs {tmpfs} has no size"


def _outside(service: Model) -> Iterator[str]:
    for volume in service.get("volumes", []):
        if volume["type"] != "bind":
            continue
        source = Path(FOLDER, volume["source"]).resolve()
        if not any(source.is_relative_to(folder) for folder in _MOUNTABLE):
            yield f"mounts {source}"
    for port in service.get("ports", []):
        address = port.get("host_ip") if isinstance(port, dict) else port.rpartition(":")[0]
        if not str(address).startswith("127.0.0.1"):
            yield f"publishes {port}"


def _upkeep(name: str, service: Model) -> Iterator[str]:
    if _ONE_OFF & set(service.get("profiles", [])):
        return
    if name != _UNASKED and not service.get("healthcheck", {}).get("test"):
        yield "has no health check"
    if service.get("restart") != "unless-stopped":
        yield "is not restarted"
    if not service.get("stop_grace_period"):
        yield "has no time to end"
    is_role = "settings" in _sources(service, "configs")
    redis = service.get("depends_on", {}).get("redis", {})
    if is_role and redis.get("condition") != "service_healthy":
        yield "does not wait for Redis"


def _credentials(name: str, service: Model) -> Iterator[str]:
    words = [*(service.get("command") or []), *(service.get("entrypoint") or [])]
    for key, value in (service.get("environment") or {}).items():
        words.append(str(value))
        if _SECRET_NAME.search(key):
            yield f"environment has {key}"
    for word in words:
        if _USERINFO.search(word):
            yield "a URL holds a credential"
    for secret in _sources(service, "secrets"):
        camera = re.fullmatch(r"camera_(.+)_(?:username|password)", secret)
        if camera and name != f"ingest-{camera[1]}":
            yield f"sees {secret}"
        if secret == "web_token" and name not in ("infer", "infer-gpu", "web", "edge"):
            yield "sees pictures"
        if secret == "redis_admin_password" and name not in ("redis", "redis-replica"):
            yield "sees the administrator's password"


def _sources(service: Model, topic: str) -> list[str]:
    entries: list[Any] = service.get(topic) or []
    return [entry["source"] if isinstance(entry, dict) else entry for entry in entries]
