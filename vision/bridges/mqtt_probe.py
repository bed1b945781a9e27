"""One look at the broker, for people who set it up."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from vision.bridges.errors import BridgeError, BridgeFailure
from vision.bridges.mqtt_session import MqttCredentials, MqttSession
from vision.bridges.topics import Topics, level
from vision.config.bridges import MqttSettings

_PAYLOAD = b"check"
_POLL_S = 0.1


def probe_mqtt(settings: MqttSettings, login: MqttCredentials, available_topic: str) -> str:
    """How soon it lets us in, in words; as another client than the bridge, which may be there.

    Writes a message below each first level that the bridge writes to, and takes it away again.

    Raises:
        BridgeError: It is not reached, does not let us in, or forbids what the bridge does.
    """
    asking = settings.model_copy(update={"client_id": f"{settings.client_id}-check"[:64]})
    started_s = time.monotonic()
    with MqttSession(asking, login, available_topic) as session:
        took_ms = (time.monotonic() - started_s) * 1000
        try:
            _AccessCheck(session, asking).run()
        finally:
            # The will is not to be published.
            session.leave()
    parts = urlsplit(settings.url or "")
    return f"{parts.scheme}://{parts.hostname} lets us in after {took_ms:.0f} ms"


class _AccessCheck:
    """Whether the bridge may write and read where it has to."""

    def __init__(self, session: MqttSession, settings: MqttSettings) -> None:
        self._session = session
        self._timeout_s = settings.timeout_s
        topics = Topics.of(settings)
        self._written = [f"{topics.base}/check"]
        if topics.frigate is not None:
            self._written.append(f"{topics.frigate}/check")
        self._heard: str | None = None
        if settings.discovery:
            # What is not heard again cannot be taken back. Home Assistant listens to .../config.
            self._heard = f"{settings.discovery_topic}/sensor/{level(settings.client_id)}/check"
            self._written.append(self._heard)
        self._waits_for: set[str] = set()
        self._refused: list[str] = []

    def run(self) -> None:
        """Raise :class:`BridgeError` for the first topic that will not do."""
        if self._heard is not None:
            self._session.on_echo = lambda topic, _: self._waits_for.discard(f"heard {topic}")
            self._waits_for.add("subscribed")
            self._session.subscribe(
                self._heard,
                then=lambda: self._waits_for.discard("subscribed"),
                refused=lambda topic: self._refuse("reading", topic, "subscribed"),
            )
            self._wait()
        self._publish(_PAYLOAD)
        if self._heard is not None and not self._refused:
            self._waits_for.add(f"heard {self._heard}")
        self._wait()
        silent = bool(self._waits_for)
        self._waits_for.clear()
        # What was refused was not kept either.
        refused, self._refused = self._refused, []
        self._publish(b"")
        self._wait()
        if refused or silent:
            what = refused[0] if refused else f"writing or reading {self._heard}"
            raise BridgeError(
                BridgeFailure.FORBIDDEN, f"the broker's rules forbid {what}: allow it there"
            )

    def _publish(self, payload: bytes) -> None:
        for topic in self._written:
            self._waits_for.add(topic)
            self._session.publish(
                topic,
                payload,
                retain=True,
                then=lambda topic=topic: self._waits_for.discard(topic),  # type: ignore[misc]
                refused=lambda topic: self._refuse("writing", topic, topic),
            )

    def _refuse(self, what: str, topic: str, awaited: str) -> None:
        self._refused.append(f"{what} {topic}")
        self._waits_for.discard(awaited)

    def _wait(self) -> None:
        give_up_s = time.monotonic() + self._timeout_s
        while self._waits_for and time.monotonic() < give_up_s:
            self._session.run_once(_POLL_S)
