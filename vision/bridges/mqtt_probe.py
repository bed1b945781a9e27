"""One look at the broker, for people who set it up."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from vision.bridges.mqtt_session import Login, MqttSession
from vision.config.bridges import MqttSettings


def probe_mqtt(settings: MqttSettings, login: Login, available_topic: str) -> str:
    """How soon it lets us in, in words; as another client than the bridge, which may be there.

    Raises:
        BridgeError: It is not reached, or does not let us in.
    """
    asking = settings.model_copy(update={"client_id": f"{settings.client_id}-check"[:64]})
    started_s = time.monotonic()
    with MqttSession(asking, login, available_topic) as session:
        took_ms = (time.monotonic() - started_s) * 1000
        # The will is not to be published.
        session.leave()
    parts = urlsplit(settings.url or "")
    return f"{parts.scheme}://{parts.hostname} lets us in after {took_ms:.0f} ms"
