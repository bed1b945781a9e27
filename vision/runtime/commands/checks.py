"""Looks at everything a node needs, one thing after the other, and tells of each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from vision.bridges.mqtt_probe import probe_mqtt
from vision.bridges.topics import Topics
from vision.capture.probe import probe_camera
from vision.config.bridges import WebhookTarget
from vision.config.camera import CameraSettings
from vision.config.narration import ProviderSettings
from vision.config.secrets import SecretFiles, redis_password
from vision.config.settings import Settings
from vision.domain.errors import VisionError
from vision.inference.detection_filters import detection_filters
from vision.models.progress import TransferProgress
from vision.narration.probe import probe_provider
from vision.publishing.probe import probe_redis
from vision.runtime.components.descriptors import look_at_descriptors
from vision.runtime.components.model_loading import model_for
from vision.runtime.ingest.process import camera_address
from vision.runtime.processes.secret_files import secret_files
from vision.runtime.reload.plan import switched_on
from vision.runtime.roles.mqtt_bridge import mqtt_login
from vision.runtime.roles.service import wanted_cameras
from vision.runtime.roles.webhook_bridge import webhook_secrets
from vision.telemetry.redaction import process_redactor


def bridge_looks(
    settings: Settings, secrets: SecretFiles
) -> Iterator[tuple[str, Callable[[], str]]]:
    """A subject and a look for each; nothing is posted to anybody."""
    mqtt = settings.bridge.mqtt
    if mqtt.url is not None:
        yield (
            "mqtt",
            lambda: probe_mqtt(mqtt, mqtt_login(secrets), Topics.of(mqtt).available),
        )
    for target in settings.bridge.webhook.targets:
        yield f"webhook {target.name}", _webhook_look(target, secrets)


def _webhook_look(target: WebhookTarget, secrets: SecretFiles) -> Callable[[], str]:
    def inspect() -> str:
        found = webhook_secrets(target, secrets)
        token = "key and token are" if found.token else "the key is"
        return f"{token} there; tells of {', '.join(target.types)}"

    return inspect


_log = logging.getLogger(__name__)
# Enough for a person's patience, few enough not to look like an attack to a switch.
_PROBES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one look.

    Attributes:
        subject: What was looked at.
        is_fine: Whether a node can work with it.
        text: What was found, or what to do.
    """

    subject: str
    is_fine: bool
    text: str


def run_checks(settings: Settings, progress: TransferProgress) -> Iterator[Check]:
    """Check secrets, model, Redis, every camera and every narrator's provider of ``settings``."""
    secrets = secret_files(settings.secrets_dir)
    cameras = switched_on(wanted_cameras(settings))
    yield _check("cameras", lambda: _count(settings.cameras, cameras))
    yield _check("descriptors", lambda: look_at_descriptors(settings))
    yield _check("secrets", lambda: _secrets(settings, secrets))
    yield _check("model", lambda: _model(settings, progress))
    if settings.events.enabled or any(camera.events.zones for camera in cameras.values()):
        yield _check("events", lambda: _events(settings, progress))
    yield _check(
        "redis", lambda: probe_redis(settings.redis, lambda: redis_password(settings, secrets))
    )
    for subject, inspect in bridge_looks(settings, secrets):
        yield _check(subject, inspect)
    with ThreadPoolExecutor(_PROBES_AT_ONCE, thread_name_prefix="probe") as pool:
        probes = {
            name: pool.submit(_check, f"camera {name}", _camera_look(name, camera, secrets))
            for name, camera in cameras.items()
        }
        for provider in settings.narration.providers:
            name = f"narration {provider.name}"
            probes[name] = pool.submit(_check, name, _provider_look(provider, secrets))
        for probe in probes.values():
            yield probe.result()


def _check(subject: str, inspect: Callable[[], str]) -> Check:
    try:
        is_fine, text = True, inspect()
    except VisionError as error:
        is_fine, text = False, str(error)
    except Exception as error:  # noqa: BLE001  one look that fails keeps no other from being told
        _log.exception("check.failed subject=%s", subject)
        is_fine, text = False, f"the check itself failed ({type(error).__name__}): see the log"
    return Check(subject, is_fine=is_fine, text=process_redactor.redact(text))


def _count(cameras: Mapping[str, CameraSettings], on: Mapping[str, CameraSettings]) -> str:
    if not cameras:
        raise VisionError("there is none: add one under the key cameras")
    return ", ".join(name if name in on else f"{name} (off)" for name in cameras)


def _secrets(settings: Settings, secrets: SecretFiles) -> str:
    known = [name for name, camera in settings.cameras.items() if secrets.camera(name, camera)]
    if redis_password(settings, secrets) is not None:
        known.append("redis")
    found = f"credentials for {', '.join(known)}" if known else "none needed"
    return "; ".join([found, *(f"{path.name} {what}" for path, what in secrets.oddities.items())])


def _model(settings: Settings, progress: TransferProgress) -> str:
    chosen = model_for(settings, progress)
    detection_filters(settings.cameras, settings.model, chosen.entry.labels)
    return chosen.reason


def _events(settings: Settings, progress: TransferProgress) -> str:
    known = model_for(settings, progress).entry.labels
    asked = {"events": settings.events.labels} | {
        f"cameras.{name}.events": camera.events.labels for name, camera in settings.cameras.items()
    }
    for key, labels in asked.items():
        unknown = [label for label in labels or () if label not in known]
        if unknown:
            raise VisionError(f"{key}.labels: the model knows no {unknown[0]!r}: correct it")
    places = [
        f"{name} has {', '.join([*camera.events.zones, *camera.events.lines])}"
        for name, camera in settings.cameras.items()
        if camera.events.zones or camera.events.lines
    ]
    where = "in the node" if settings.events.enabled else "by `vision events`"
    return "; ".join([f"tracked {where}", *places])


def _provider_look(provider: ProviderSettings, secrets: SecretFiles) -> Callable[[], str]:
    return lambda: probe_provider(provider, secrets)


def _camera_look(name: str, camera: CameraSettings, secrets: SecretFiles) -> Callable[[], str]:
    def inspect() -> str:
        seen = probe_camera(camera_address(name, camera, secrets))
        clock = "sends no sender report yet: arrival time is used"
        if seen.lacks_clock:
            clock = "its sender reports tell no time of day: arrival time is used"
        if seen.clock_offset_s is not None:
            believed = abs(seen.clock_offset_s) <= camera.clock_window_s
            clock = f"its clock is {seen.clock_offset_s:.2f} s behind arrival" + (
                "" if believed else ", more than clock_window_s: arrival time is used"
            )
        may_sleep = camera.motion.may_sleep and seen.has_key_frames
        return (
            f"{seen.codec} {seen.width}x{seen.height}, {seen.fps:.1f} fps, first frame after "
            f"{seen.first_frame_s:.2f} s, {clock}"
            + (", its decoder may sleep while nothing moves" * may_sleep)
            + (", its certificate is not checked (tls.verify is false)" * camera.is_unverified)
            + "".join(f"; {each}" for each in seen.peculiarities)
        )

    return inspect
