"""A real Mosquitto for a test: to stop, kill and bring back, and a client that looks at it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.waiting import wait_until


def mosquitto() -> str:
    """The program; skips where there is none."""
    found = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("no MQTT broker: install mosquitto")
    return found


class MqttBroker:
    """One broker that keeps its port and what is retained."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        """``options`` are lines of its configuration; without any, everybody may do everything."""
        folder.mkdir(parents=True, exist_ok=True)
        self._program = mosquitto()
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        lines = [
            f"listener {self.port} 127.0.0.1",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 1",
            *(options or ["allow_anonymous true"]),
        ]
        if os.getuid() == 0:
            lines.append("user root")
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As in the settings, without TLS."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, or again on the same port."""
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", self._config], stdout=log, stderr=log
            )
        wait_until(self._answers, "the broker")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it; what is retained is kept if it may say goodbye."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(30)
            self._process = None

    def pause(self) -> None:
        """Freeze it: it keeps its connections and answers nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def reload(self) -> None:
        """Let it read its rules again."""
        assert self._process
        self._process.send_signal(signal.SIGHUP)

    def log(self) -> str:
        """What it said."""
        return (self._folder / "mosquitto.log").read_text(errors="replace")

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


@contextmanager
def running_broker(folder: Path, options: Sequence[str] = ()) -> Iterator[MqttBroker]:
    """A broker for the length of a test."""
    broker = MqttBroker(folder, options)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop(signal.SIGKILL)


@contextmanager
def older_broker(broker: MqttBroker) -> Iterator[int]:
    """The port of something before a broker that hangs up on whoever speaks MQTT 5."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            first = self.request.recv(4096)
            # After the length: the name "MQTT" and its version.
            if first.partition(b"MQTT")[2][:1] != b"\x04":
                return
            with socket.create_connection(("127.0.0.1", broker.port)) as behind:
                behind.sendall(first)
                back = threading.Thread(target=_pass_on, args=(behind, self.request))
                back.start()
                _pass_on(self.request, behind)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class Watcher:
    """Hears all topics, and keeps the newest of each and all in order."""

    def __init__(self, client: Client) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, bytes] = {}
        self._all: list[tuple[str, bytes]] = []
        client.on_message = self._on_message

    def newest(self, topic: str) -> str | None:
        """The newest payload of ``topic``; None while there is none, or an empty one."""
        with self._lock:
            return self._newest.get(topic, b"").decode() or None

    def topics(self, prefix: str = "") -> dict[str, str]:
        """The newest of all topics that have one."""
        with self._lock:
            found = sorted(self._newest.items())
        return {topic: text.decode() for topic, text in found if text and topic.startswith(prefix)}

    def heard(self, topic: str) -> list[str]:
        """All that came on ``topic``, in order."""
        with self._lock:
            return [payload.decode() for name, payload in self._all if name == topic]

    def wait_for(self, topic: str, payload: str | None) -> None:
        """Wait until ``payload`` is the newest of ``topic``."""
        wait_until(
            lambda: self.newest(topic) == payload,
            f"{payload!r} on {topic}, not {self.newest(topic)!r}",
        )

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        with self._lock:
            self._newest[message.topic] = bytes(message.payload)
            self._all.append((message.topic, bytes(message.payload)))


@contextmanager
def watching(
    broker: MqttBroker, username: str | None = None, password: str | None = None
) -> Iterator[Watcher]:
    """A client that hears everything, what is retained first.

    The broker keeps what comes while it is away, as it does for a client with a session.
    """
    name = f"watcher-{secrets.token_hex(4)}"
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
    if username is not None:
        client.username_pw_set(username, password)
    client.reconnect_delay_set(1, 1)
    watcher = Watcher(client)

    def subscribe(*_: object) -> None:
        client.subscribe("#", qos=1)

    client.on_connect = subscribe
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        assert subscribed.wait(30)
        yield watcher
    finally:
        client.disconnect()
        client.loop_stop()
