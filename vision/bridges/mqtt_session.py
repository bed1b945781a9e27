"""One connection to an MQTT broker, from its opening to its loss; used by one thread.

Like a connection of Redis it is spent once it is lost: whoever used it opens another and sends
again what was not confirmed.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from vision.bridges.errors import BridgeError, BridgeFailure
from vision.bridges.failure import failure_of
from vision.config.bridges import MQTT_SCHEMES, MqttSettings
from vision.domain.noop import noop
from vision.domain.secret import Secret

_QOS = 1
_IN_FLIGHT = 100
# The broker's reasons not to let somebody in, by MQTT 5's names, which paho gives for 3.1.1 too.
_REFUSALS = {"Bad user name or password", "Not authorized", "Banned", "Bad authentication method"}
_NO_RETAIN = "Retain not supported"
# The newer one says which topic its rules forbid.
_PROTOCOLS = (MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311)


@dataclass(frozen=True, slots=True)
class MqttCredentials:
    """User name and password; either may be missing."""

    username: Secret | None
    password: Secret | None


class MqttSession:
    """A connection that is let in; every method may raise :class:`BridgeError` once it is lost."""

    def __init__(self, settings: MqttSettings, login: MqttCredentials, will_topic: str) -> None:
        """Connect, and say ``offline`` on ``will_topic`` should this connection be lost.

        Raises:
            BridgeError: The broker is not reached, or does not let us in.
        """
        self.on_message: Callable[[str, bytes], None] = noop
        self.on_echo: Callable[[str, bytes], None] = noop
        """Told of what is published while we listen, our own among it."""
        self._confirmed: dict[int, tuple[str, Callable[[], None], Callable[[str], None]]] = {}
        self._subscribed: dict[int, tuple[str, Callable[[], None], Callable[[str], None]]] = {}
        self._most = 1
        self._ours, self._wakers = socket.socketpair()
        self._ours.setblocking(False)  # noqa: FBT003  the name is Python's
        self._wakers.setblocking(False)  # noqa: FBT003  as above
        for protocol in _PROTOCOLS:
            self._loss: BridgeError | None = None
            self._is_in = self._is_refused = False
            self._client = self._make(settings, login, will_topic, protocol)
            try:
                self._connect(settings)
            except BridgeError as error:
                is_last = protocol is _PROTOCOLS[-1] or self._is_refused
                if is_last or error.failure not in {BridgeFailure.REFUSED, BridgeFailure.PROTOCOL}:
                    self._close()
                    raise
                # It may know the older one alone, which it need not say.
                self._hang_up()
            except BaseException:
                self._close()
                raise
            else:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def unconfirmed(self) -> int:
        """Messages that the broker has not confirmed yet."""
        return len(self._confirmed)

    @property
    def room(self) -> int:
        """How many more the broker takes before it has confirmed one."""
        return max(0, self._most - len(self._confirmed))

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool,
        then: Callable[[], None],
        refused: Callable[[str], None] = noop,
    ) -> None:
        """Send with QoS 1.

        In :meth:`run_once`, ``then`` is called once it is confirmed, ``refused`` with the topic where
        the broker's rules forbid it. Brokers that know MQTT 3.1.1 alone confirm that too.
        """
        info = self._client.publish(topic, payload, qos=_QOS, retain=retain)
        if info.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._lost(info.rc)
        self._confirmed[info.mid] = topic, then, refused

    def subscribe(
        self,
        pattern: str,
        then: Callable[[], None] = lambda: None,
        refused: Callable[[str], None] = noop,
    ) -> None:
        """Hear retained messages of ``pattern`` by :attr:`on_message`, called in :meth:`run_once`.

        ``then`` is called once the broker agrees, ``refused`` with the pattern where it does not.
        """
        code, mid = self._client.subscribe(pattern, qos=_QOS)
        if code is not MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise self._lost(code)
        self._subscribed[mid] = pattern, then, refused

    def run_once(self, timeout_s: float) -> None:
        """Send and receive, waiting up to ``timeout_s`` for something to happen."""
        connection: Any = self._client.socket()
        if connection is None:
            raise self._lost(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        if getattr(connection, "pending", int)():
            timeout_s = 0.0
        writing = [connection] if self._client.want_write() else []
        readable, writable, _ = select.select([connection, self._ours], writing, [], timeout_s)
        if self._ours in readable:
            with contextlib.suppress(BlockingIOError):
                self._ours.recv(4096)
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        if connection in readable or timeout_s == 0.0:
            code = self._client.loop_read()
        if not code and connection in writable:
            code = self._client.loop_write()
        if not code:
            code = self._client.loop_misc()
        if code or self._loss:
            raise self._loss or self._lost(code)

    def wake(self) -> None:
        """End a wait in :meth:`run_once`; from any thread."""
        with contextlib.suppress(OSError):
            self._wakers.send(b"w")

    def leave(self) -> None:
        """Say goodbye, so that the broker does not publish the will."""
        self._client.disconnect()

    def _make(
        self,
        settings: MqttSettings,
        login: MqttCredentials,
        will_topic: str,
        protocol: MQTTProtocolVersion,
    ) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            # The newer one has no sessions that outlive a connection unless they are asked for.
            clean_session=None if protocol is MQTTProtocolVersion.MQTTv5 else True,
            protocol=protocol,
            reconnect_on_failure=False,
        )
        client.connect_timeout = settings.timeout_s
        client.max_inflight_messages_set(_IN_FLIGHT)
        if login.username is not None:
            client.username_pw_set(
                login.username.get_secret_value(),
                login.password.get_secret_value() if login.password else None,
            )
        client.will_set(will_topic, b"offline", qos=_QOS, retain=True)
        if urlsplit(settings.url or "").scheme == "mqtts":
            client.tls_set_context(_tls_context(settings))
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        return client

    def _connect(self, settings: MqttSettings) -> None:
        parts = urlsplit(settings.url or "")
        try:
            self._client.connect(
                parts.hostname or "",
                parts.port or MQTT_SCHEMES[parts.scheme],
                keepalive=settings.keepalive_s,
            )
        except (OSError, ValueError) as error:
            # None from it: what a library says may name what it was given.
            raise failure_of(error) from None
        deadline_s = time.monotonic() + settings.timeout_s
        while not self._is_in:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise BridgeError(BridgeFailure.TIMEOUT, "the broker does not let us in")
            self.run_once(left_s)

    def _on_connect(
        self,
        _client: Client,
        _data: object,
        _flags: object,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if not code.is_failure:
            # How many it takes that it has not confirmed; it cuts who sends more.
            most = getattr(properties, "ReceiveMaximum", _IN_FLIGHT)
            # One less: an event may be two messages, which are sent together.
            self._most = max(1, min(_IN_FLIGHT, most) - 1)
            self._is_in = True
        elif code.getName() in _REFUSALS:
            self._is_refused = True
            self._loss = BridgeError(
                BridgeFailure.AUTH, "the broker refuses user name and password"
            )
        elif code.getName() == _NO_RETAIN:
            self._is_refused = True
            self._loss = BridgeError(
                BridgeFailure.FORBIDDEN,
                "the broker keeps no retained messages, without which nobody who comes later "
                "knows a state: allow them there (retain_available)",
            )
        else:
            self._loss = BridgeError(
                BridgeFailure.PROTOCOL, "the broker does not let us in, and not for the password"
            )

    def _on_publish(
        self, _client: Client, _data: object, mid: int, code: ReasonCode, _more: object
    ) -> None:
        topic, then, refused = self._confirmed.pop(mid, ("", noop, noop))
        if code.is_failure:
            refused(topic)
        else:
            then()

    def _on_subscribe(
        self, _client: Client, _data: object, mid: int, codes: list[ReasonCode], _more: object
    ) -> None:
        pattern, then, refused = self._subscribed.pop(mid, ("", noop, noop))
        if any(code.is_failure for code in codes):
            refused(pattern)
        else:
            then()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        heard = self.on_message if message.retain else self.on_echo
        heard(message.topic, bytes(message.payload))

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: object, _code: object, _more: object
    ) -> None:
        self._loss = self._loss or BridgeError(
            BridgeFailure.REFUSED, "the broker closed the connection"
        )

    def _lost(self, code: MQTTErrorCode) -> BridgeError:
        if self._loss is not None:
            return self._loss
        if code is MQTTErrorCode.MQTT_ERR_KEEPALIVE:
            return BridgeError(BridgeFailure.TIMEOUT, "the broker is silent")
        if code is MQTTErrorCode.MQTT_ERR_PROTOCOL:
            return BridgeError(BridgeFailure.PROTOCOL, "what answers there is no MQTT broker")
        return BridgeError(BridgeFailure.REFUSED, "the connection is lost")

    def _hang_up(self) -> None:
        connection = self._client.socket()
        if connection is not None:
            # Without a goodbye: a connection that failed leaves its will behind.
            connection.close()

    def _close(self) -> None:
        self._hang_up()
        self._ours.close()
        self._wakers.close()


def _tls_context(settings: MqttSettings) -> ssl.SSLContext:
    tls = settings.tls
    try:
        context = ssl.create_default_context()
        if tls.ca_file is not None:
            context.load_verify_locations(tls.ca_file)
        if tls.cert_file is not None and tls.key_file is not None:
            # Never asks on the terminal: a key with a password is an error.
            context.load_cert_chain(tls.cert_file, tls.key_file, lambda: "")
    except (OSError, ssl.SSLError, ValueError):
        raise BridgeError(
            BridgeFailure.LOCAL, "a file of bridge.mqtt.tls cannot be used as certificate or key"
        ) from None
    return context
