"""``vision tail`` as a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.event_messages import event
from tests.support.messages import detection, status
from tests.support.publishing import RunningPublisher, publishing_to
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import PATIENCE_S, wait_until
from vision.domain.event import EventType
from vision.publishing.encoding import encode

pytestmark = pytest.mark.integration
_VISION = [sys.executable, "-m", "vision"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A real server."""
    with running_redis(tmp_path / "redis") as running:
        yield running


@pytest.fixture
def config(server: RedisServer, tmp_path: Path) -> Path:
    """A configuration for it, with its password in a secret file."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    password = secrets / "redis_password"
    password.touch(mode=0o600)
    password.write_text(server.password)
    path = tmp_path / "vision.yaml"
    path.write_text(f"redis: {{url: '{server.settings().url}'}}\nsecrets_dir: '{secrets}'\n")
    return path


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("VISION_")}


@contextmanager
def _tail(config: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [*_VISION, "tail", "--config", str(config), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()


def _publish_three(running: RunningPublisher) -> list[bytes]:
    payloads = [running.publisher.publish(detection(seq)) for seq in (1, 2, 3)]
    running.wait_sent()
    return payloads


def test_prints_a_line_per_message_until_interrupted(server: RedisServer, config: Path) -> None:
    """Replayed and live messages are printed at once; Ctrl-C is a clean end."""
    with publishing_to(server) as running:
        _publish_three(running)
        with _tail(config, "front", "--replay", "2") as process:
            assert b" front 2 " in _line(process)
            assert b" front 3 " in _line(process)
            running.publisher.publish(detection(4))
            assert b" front 4 0 ms person 0.87" in _line(process)
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 0
            assert process.stderr is not None
            assert process.stderr.read() == b""


def test_json_is_the_message_itself(server: RedisServer, config: Path) -> None:
    """With --json each line is the document, byte for byte."""
    with publishing_to(server) as running:
        payloads = _publish_three(running)
        with _tail(config, "--json", "--replay", "10") as process:
            assert [_line(process) for _ in payloads] == [payload + b"\n" for payload in payloads]


def test_status_prints_states(server: RedisServer, config: Path) -> None:
    """With --status the states are followed."""
    with publishing_to(server) as running:
        running.publisher.publish_status(status(reason="pictures arrive"))
        running.wait_sent()
        with _tail(config, "--status", "--replay", "1") as process:
            assert _line(process).endswith(b" front online pictures arrive\n")


def test_events_prints_events(server: RedisServer, config: Path) -> None:
    """With --events the visits are followed, as lines or as the documents themselves."""
    first, second = encode(event()), encode(event(1, kind=EventType.UPDATE))
    with server.client() as client:
        client.xadd("vision:events:{front}", {"message": first})
        with _tail(config, "--events", "--replay", "1") as process:
            assert b" front new 1763898000123-1-0 person 0.87 0.0 s" in _line(process)
            wait_until(lambda: client.pubsub_numpat() > 0, "the subscription")
            client.publish("vision:events:{front}", second)
            assert b" front update 1763898000123-1-0 person 0.87 1.0 s" in _line(process)
        with _tail(config, "--events", "--json", "--replay", "1") as process:
            assert _line(process) == first + b"\n"


def test_a_closed_pipe_is_a_clean_end(server: RedisServer, config: Path) -> None:
    """A reader such as head that leaves ends the command without a traceback."""
    with publishing_to(server) as running:
        _publish_three(running)
        with _tail(config, "--replay", "1") as process:
            assert b" front 3 " in _line(process)
            assert process.stdout is not None
            process.stdout.close()
            seq = 4

            def publish_until_it_ended() -> bool:
                nonlocal seq
                running.publisher.publish(detection(seq))
                seq += 1
                return process.poll() is not None

            wait_until(publish_until_it_ended, "the end")
            assert process.returncode == 0
            assert process.stderr is not None
            assert process.stderr.read() == b""


def test_a_wrong_password_is_said_without_it(
    server: RedisServer, config: Path, tmp_path: Path
) -> None:
    """The remedy is named, the value is not, and the command goes on trying."""
    (tmp_path / "secrets" / "redis_password").write_text("wrong-secret")
    with _tail(config) as process:
        assert process.stderr is not None
        complaint = process.stderr.readline().decode()
    assert "check the secret file redis_password" in complaint
    assert f"127.0.0.1:{server.port}" in complaint
    assert "wrong-secret" not in complaint


def test_a_readable_secret_is_refused_at_once(config: Path, tmp_path: Path) -> None:
    """A secret file that others may read ends the command with code 2 and one line."""
    (tmp_path / "secrets" / "redis_password").chmod(0o644)
    finished = subprocess.run(
        [*_VISION, "tail", "--config", str(config)],
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
        env=_environment(),
    )
    assert finished.returncode == 2
    assert len(finished.stderr.splitlines()) == 1
    assert b"chmod 600" in finished.stderr
