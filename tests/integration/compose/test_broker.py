"""The broker of the stack as its container runs it: its users, its start script, no container."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.compose_model import FOLDER
from tests.support.mqtt_broker import mosquitto
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration
_FILES = FOLDER / "mosquitto"
PASSWORDS = {
    "vision-publisher": "pass word%of \\ the bridge",
    "homeassistant": "password-of-the-house",
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A broker started by start.sh."""
    program = mosquitto()
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("mosquitto_passwd is not installed")
    folder = tmp_path_factory.mktemp("broker")
    (folder / "mqtt_password").write_text(f"{PASSWORDS['vision-publisher']}\n")
    (folder / "mqtt_homeassistant_password").write_text(PASSWORDS["homeassistant"])
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    text = (_FILES / "mosquitto.conf").read_text()
    for old, new in (
        ("listener 1883", f"listener {port} 127.0.0.1"),
        ("/tmp/passwords", f"{folder}/passwords"),  # noqa: S108  in the container
        ("/etc/ariia/users.acl", str(_FILES / "users.acl")),
        ("/mosquitto/data/", f"{folder}/"),
    ):
        assert old in text
        text = text.replace(old, new)
    if os.getuid() == 0:
        text += "user root\n"
    (folder / "mosquitto.conf").write_text(text)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["/bin/sh", _FILES / "start.sh", program, "-c", folder / "mosquitto.conf"],
            env={
                "PATH": os.environ["PATH"],
                "MQTT_SECRETS": str(folder),
                "MQTT_PASSWORDS": str(folder / "passwords"),
            },
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: _answers(port), (folder / "log").read_text() or "the broker")
        shown = (folder / "passwords").read_text() + (folder / "log").read_text()
        shown += Path(f"/proc/{process.pid}/cmdline").read_text()
        assert not [word for word in PASSWORDS.values() if word in shown]
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class _Client:
    """A client that knows whether it was let in, and what it heard."""

    def __init__(self, port: int, user: str | None, password: str | None = None) -> None:
        self.client = Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        if user is not None:
            self.client.username_pw_set(user, password or PASSWORDS[user])
        self.answer: str | None = None
        self.heard: list[str] = []
        self.client.on_connect = self._on_connect
        self.client.on_message = lambda _client, _data, message: self.heard.append(message.topic)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        wait_until(lambda: self.answer is not None, "an answer")

    def _on_connect(self, *arguments: object) -> None:
        self.answer = str(arguments[3])

    def close(self) -> None:
        """Leave."""
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.parametrize(
    ("user", "password"), [(None, None), ("vision-publisher", "wrong"), ("nobody", "any")]
)
def test_who_has_no_password_is_not_let_in(
    port: int, user: str | None, password: str | None
) -> None:
    """Neither nameless nor by a wrong word."""
    client = _Client(port, user, password)
    assert client.answer == "Not authorized"
    client.close()


@pytest.mark.parametrize(
    ("word", "wrong"),
    [("", "is empty"), ("a:b", "holds a colon"), (None, "make it with compose/prepare.sh")],
)
def test_a_password_that_the_broker_cannot_keep_is_an_error(
    tmp_path: Path, word: str | None, wrong: str
) -> None:
    """With the file, and nothing of what is in it."""
    if word is not None:
        (tmp_path / "mqtt_password").write_text(word)
    answer = subprocess.run(
        ["/bin/sh", _FILES / "start.sh", "true"],
        env={"PATH": os.environ["PATH"], "MQTT_SECRETS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert f"mqtt_password: {wrong}" in answer.stderr
    assert not (word and word in answer.stderr)


def test_the_house_hears_the_bridge_and_cannot_speak_for_it(port: int) -> None:
    """States go one way, and what is announced may be answered."""
    bridge, house = _Client(port, "vision-publisher"), _Client(port, "homeassistant")
    assert bridge.answer == house.answer == "Success"
    for client in (bridge, house):
        client.client.subscribe("#", qos=1)
    topics = ["vision/front/event", "homeassistant/sensor/vision_front/state/config", "other/x"]
    for topic in topics:
        for client in (house, bridge):
            client.client.publish(topic, client.client._username, qos=1).wait_for_publish(10)
    bridge.client.publish("vision/end", "", qos=1).wait_for_publish(10)
    wait_until(lambda: "vision/end" in house.heard, "the last one")
    assert house.heard.count(topics[0]) == 1
    assert house.heard.count(topics[1]) == 2
    assert bridge.heard == [topics[1]] * 2
    bridge.close()
    house.close()
