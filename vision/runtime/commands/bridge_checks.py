"""What `vision check` says of bridges: of those that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vision.bridges.mqtt_probe import probe_mqtt
from vision.bridges.topics import Topics
from vision.config.bridges import WebhookTarget
from vision.config.secrets import SecretFiles
from vision.config.settings import Settings
from vision.runtime.consumers.mqtt_bridge import mqtt_login
from vision.runtime.consumers.webhook_bridge import webhook_secrets


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
    def look() -> str:
        found = webhook_secrets(target, secrets)
        token = "key and token are" if found.token else "the key is"
        return f"{token} there; tells of {', '.join(target.types)}"

    return look
